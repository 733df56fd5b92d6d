"""Where the recorded candles are; and no test reaches for a model that it did not make."""

import os
from pathlib import Path

import pytest
from pydantic_ai import models


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of recorded candles."""
    folder = os.environ.get("GXRISK_DATA_DIR")
    if not folder:
        reason = "GXRISK_DATA_DIR names no folder of recorded candles"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(folder)


@pytest.fixture(autouse=True)
def _only_models_of_ours(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the tests that bring their own server let a model make requests."""
    monkeypatch.setattr(models, "ALLOW_MODEL_REQUESTS", request.module.__name__.endswith("_wire"))

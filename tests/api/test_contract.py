"""Every operation answers as its document says, to what it allows and to what it forbids."""

from __future__ import annotations

import os
import time
from pathlib import Path

from .contract import explore


def test_every_answer_is_one_that_the_document_names(tmp_path: Path) -> None:
    seed = 1 if os.environ.get("CI") == "true" else time.time_ns() % 2**32
    print(f"seed {seed}")  # noqa: T201
    done = explore(tmp_path, examples=5, seed=seed)
    assert done.returncode == 0, done.stdout
    assert "Stateful" in done.stdout, "sequences of operations too"

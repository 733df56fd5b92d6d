"""The stub of the native module says what the module is."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import gxrisk
import pytest


def test_the_stub_is_held_true_by_stubtest(tmp_path: Path) -> None:
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy comes with the extra `lint`")
    command = [sys.executable, "-m", "mypy.stubtest", "gxrisk._native"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"gxrisk {gxrisk.__version__}\n{done.stdout}{done.stderr}"

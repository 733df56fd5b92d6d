"""The file of a predictor: a line of JSON that anyone can read, then the forest as skops writes it.

skops and not ONNX: a score stays the same to the last bit (ONNX's forests compute in 32-bit floats), and nothing but
scikit-learn is needed to use it. No pickle in either. skops builds only what it was told to trust, and has had
faults in that, so a file is not even opened for reading as one before its hash is the recorded one.
"""

import json
import os
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Final

import numpy as np

from gxrisk.protection.predictor_forest import Forest, PredictorError, needs_extra

FORMAT: Final = 1
BYTES_MAX: Final = 1 << 28
# Beyond the arrays, numbers, texts and scikit-learn estimators that skops trusts by itself.
TRUSTED: Final = ("sklearn.tree._tree.Tree",)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself: the features by name and version, how many trades, the seed, who wrote it."""

    format: int
    names: tuple[str, ...]
    version: str
    trades: int
    seed: int
    scikit_learn: str

    def to_line(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self), sort_keys=True).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Header":
        """The inverse of `to_line`. Raises `PredictorError` for another format, newer ones by name."""
        try:
            kept = json.loads(line)
            seen = kept["format"]
            if type(seen) is int and seen > FORMAT:
                raise PredictorError(f"format {seen} was seen, up to {FORMAT} is known: a newer gxrisk wrote this file")
            if type(seen) is not int or seen != FORMAT or set(kept) != {one.name for one in fields(cls)}:
                raise PredictorError(f"format {seen!r} with {sorted(kept)} was seen, format {FORMAT} is allowed")
            return cls(**{**kept, "names": tuple(kept["names"])})
        except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise PredictorError(f"this is no predictor's file: {line[:80]!r}") from error


def scikit_learn() -> str:
    """Which scikit-learn is here. Raises `PredictorError` where none is."""
    try:
        import sklearn  # type: ignore[import-untyped]
    except ImportError as error:
        raise needs_extra(error) from error
    return str(sklearn.__version__)


def write(path: Path, header: Header, forest: Forest) -> str:
    """Write the file, whole or not at all; its SHA-256 in hex, to be recorded where the file cannot reach."""
    try:
        from skops.io import dumps  # type: ignore[import-untyped]
    except ImportError as error:
        raise needs_extra(error) from error
    content = header.to_line() + dumps({"pipeline": forest.pipeline, "calibration": forest.calibration})
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)  # noqa: PTH105 (the atomic one)
    return sha256(content).hexdigest()


def read(path: Path, digest: str) -> tuple[Header, Forest]:
    """Read a file whose SHA-256 is `digest`. Raises `PredictorError` for any other file, and one of no use here."""
    if path.stat().st_size > BYTES_MAX:
        raise PredictorError(f"{path.name}: {path.stat().st_size} bytes were seen, at most {BYTES_MAX} are allowed")
    content = path.read_bytes()
    seen = sha256(content).hexdigest()
    if not compare_digest(seen, digest):
        raise PredictorError(f"{path.name} is not the recorded file: SHA-256 {seen} was seen, {digest} is allowed")
    line, _, body = content.partition(b"\n")
    header = Header.from_line(line)
    if header.scikit_learn != scikit_learn():
        wrote = f"scikit-learn {header.scikit_learn} wrote {path.name}, {scikit_learn()} is here"
        raise PredictorError(f"{wrote}: scores could differ, train it again")
    return header, _forest(path.name, body)


def _forest(name: str, body: bytes) -> Forest:
    try:
        from sklearn.pipeline import Pipeline  # type: ignore[import-untyped]
        from skops.io import get_untrusted_types, loads
    except ImportError as error:
        raise needs_extra(error) from error
    try:
        strange = sorted(set(get_untrusted_types(data=body)) - set(TRUSTED))
        if strange:
            raise PredictorError(f"{name} holds {', '.join(strange)}; {', '.join(TRUSTED)} is allowed")
        kept = loads(body, trusted=list(TRUSTED))
    except PredictorError:
        raise
    except Exception as error:  # whatever a broken file does to a parser
        raise PredictorError(f"{name} cannot be read: {type(error).__name__}: {error}") from error
    if not isinstance(kept, dict) or set(kept) != {"pipeline", "calibration"}:
        raise PredictorError(f"{name} holds no forest")
    pipeline, calibration = kept["pipeline"], kept["calibration"]
    if not isinstance(pipeline, Pipeline) or not isinstance(calibration, np.ndarray):
        raise PredictorError(f"{name} holds no forest")
    return Forest(pipeline, calibration)

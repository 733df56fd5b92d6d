"""Which strategy a vault runs, to the byte: what graduates on paper is what may trade for real."""

import re
import sys
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final
from weakref import WeakKeyDictionary

from gxrisk.agent.loading import load_model
from gxrisk.agent.strategy import Action, ModelError, Strategy, View

_CLIENT: Final = "client/"  # no module's name has a slash
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
# By module: a digest of its content when it was imported. What runs is that, and not what lies on the disk by now.
_LOADED: Final[WeakKeyDictionary[ModuleType, bytes]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class StrategyVersion:
    """A strategy by `MODULE:NAME`, the version that its author gives, and the hash of its content (hexadecimal).

    >>> version = StrategyVersion.of("gxrisk.agent.momentum:Momentum", "1.0")
    >>> version.name, version.version, len(version.content_hash)
    ('gxrisk.agent.momentum:Momentum', '1.0', 64)
    """

    name: str
    version: str
    content_hash: str

    @classmethod
    def of(cls, name: str, version: str) -> "StrategyVersion":
        """The version as it lies on the disk now. Raises `ModelError` where it cannot be loaded or read."""
        load_model(name)
        return cls(name, version, content_hash(name))

    @classmethod
    def declared(cls, name: str, version: str, content_hash: str) -> "StrategyVersion":
        """The version of a strategy that runs elsewhere and proposes as a client: all three are its owner's word.

        Nothing here can hold its content against the hash, so that no live venue can be licensed for it. Raises
        `ModelError` for a name or version that is not 1 to 64 of letters, digits, '.', '_' and '-', or no SHA-256.

        >>> StrategyVersion.declared("breakout", "2", "00" * 32).is_external
        True
        """
        for field, text in (("name", name), ("version", version)):
            if not _NAME.fullmatch(text):
                raise ModelError(f"strategy {field}: {text!r} was given, letters, digits, '.', '_' and '-' are allowed")
        if not _HASH.fullmatch(content_hash):
            raise ModelError(f"strategy content_hash: {content_hash!r} was given, 64 hexadecimal digits are allowed")
        return cls(_CLIENT + name, version, content_hash)

    @property
    def is_external(self) -> bool:
        """Whether it runs elsewhere: it is never asked, it proposes."""
        return self.name.startswith(_CLIENT)

    def make(self) -> Strategy:
        """A fresh strategy. Raises `ModelError` unless its content, on disk and as loaded, is that of this version."""
        if self.is_external:
            return _Elsewhere()
        make = load_model(self.name)
        found, is_loaded = _content(self.name)
        if found != self.content_hash:
            raise ModelError(
                f"{self.name} {self.version} has changed: its content hash is {found[:12]}, the vault's is "
                f"{self.content_hash[:12]}; give it a new version, which starts its own paper period"
            )
        if not is_loaded:
            raise ModelError(
                f"{self.name} {self.version} lies on the disk as it should, but this process has loaded other content: "
                "start it anew"
            )
        return make()


class _Elsewhere:
    """Stands where a strategy would; a vault of a client asks none."""

    def decide(self, view: View) -> Action:
        raise ModelError(f"the strategy runs elsewhere and cannot be asked about {view.asset}")


def content_hash(name: str) -> str:
    """SHA-256 over what a strategy consists of: its name, the files of its module (of its whole package, where it is in
    one of its own), and the files that its module lists as `ARTIFACTS` (model weights, for example), by relative path.

    What it imports from elsewhere is not covered: installed packages are pinned by their lock file.

    >>> content_hash("gxrisk.agent.momentum:Momentum") == content_hash("gxrisk.agent.momentum:Momentum")
    True
    """
    return _content(name)[0]


def _content(name: str) -> tuple[str, bool]:
    """The content hash, and whether the content is still that which this process imported."""
    module_name = name.partition(":")[0]
    load_model(name)
    module = import_module(module_name)
    file = getattr(module, "__file__", None)
    if file is None:
        raise ModelError(f"{module_name} has no file, so its content cannot be pinned")
    folder = Path(file).parent
    files = _sources(Path(file), module_name)
    try:
        files |= {folder / artifact for artifact in getattr(module, "ARTIFACTS", ())}
    except TypeError as error:
        raise ModelError(f"{module_name}: ARTIFACTS is no list of paths: {error}") from error
    digest, content = sha256(name.encode()), sha256()
    for relative, path in sorted((_relative(path, folder), path) for path in files):
        try:
            read = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{name}: {path} cannot be read ({error.strerror}), so it cannot be pinned") from error
        for part in (relative.encode(), read):
            framed = len(part).to_bytes(8, "big") + part
            digest.update(framed)
            content.update(framed)
    return digest.hexdigest(), _LOADED.setdefault(module, content.digest()) == content.digest()


def _sources(file: Path, module_name: str) -> set[Path]:
    """The module's own file, or all of its package's where that package is not gxrisk's."""
    package = sys.modules[module_name].__package__
    if not package or package.split(".")[0] == "gxrisk":
        return {file}
    return _python_files(file.parent)


def _python_files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*.py") if "__pycache__" not in path.parts}


def _relative(path: Path, folder: Path) -> str:
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return path.as_posix()

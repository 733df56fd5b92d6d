"""Docstrings on the site: the native module's, which its stub leaves out, and sessions shown as code."""

import inspect
import re
from importlib import import_module
from operator import attrgetter
from typing import Any, Final

from griffe import Docstring, Extension, Module, Object

MODULE: Final = "gxrisk._native"
# A session: from a prompt to the next empty line.
_SESSION: Final = re.compile(r"^>>> .*?(?=\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)


class Docstrings(Extension):
    """Makes docstrings ready for the site."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Fill in what the stub leaves out, and fence what is a session."""
        if obj.docstring is None and obj.canonical_path.startswith(f"{MODULE}."):
            obj.docstring = _native(obj)
        _fence(obj)

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """The same for the package's own words."""
        for module in (pkg, *pkg.modules.values()):
            _fence(module)


def _fence(obj: Object) -> None:
    if obj.docstring is not None:
        obj.docstring.value = _SESSION.sub(lambda found: f"```pycon\n{found[0]}\n```", obj.docstring.value)


def _native(obj: Object) -> Docstring | None:
    """What the compiled class or method says at run time; the stub has its types."""
    try:
        found = attrgetter(obj.canonical_path.removeprefix(f"{MODULE}."))(import_module(MODULE))
    except AttributeError:  # a name for types alone
        return None
    text = inspect.getdoc(found)
    is_inherited = obj.name.startswith("_") or text == inspect.getdoc(type(found))
    return None if not text or is_inherited else Docstring(text, parent=obj)

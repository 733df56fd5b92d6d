"""Anyone's model, by name."""

import sys
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from gxrisk.agent.strategy import ModelError, Strategy

ModelFactory = Callable[[], Strategy]


def load_model(name: str) -> ModelFactory:
    """What makes a fresh model for each vault, from `MODULE:NAME`; modules of the current folder are found too.

    NAME is a class, a function without arguments that returns a model, or a model, which is copied for each vault.
    Raises `ModelError` saying which part is wrong.

    >>> type(load_model("gxrisk.agent.momentum:Momentum")()).__name__
    'Momentum'
    >>> load_model("gxrisk.agent.momentum")
    Traceback (most recent call last):
        ...
    gxrisk.agent.strategy.ModelError: 'gxrisk.agent.momentum' is no MODULE:NAME, for example my_models:Breakout
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ModelError(f"{name!r} is no MODULE:NAME, for example my_models:Breakout")
    target = _attribute(_module(module_name), module_name, attribute)
    if isinstance(target, Strategy) and not isinstance(target, type):
        return partial(_made, name, partial(deepcopy, target))
    if not callable(target):
        raise ModelError(f"{name} is a {type(target).__name__}; a class, a function or an object with decide is needed")
    return partial(_made, name, target)


def _module(module_name: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise ModelError(f"no module {module_name!r} in {here} or among the installed packages") from error
        raise ModelError(f"{module_name} needs the module {error.name!r}, which is not installed") from error
    except (Exception, SystemExit) as error:
        raise ModelError(f"{module_name} could not be imported: {type(error).__name__}: {error}") from error


def _attribute(module: Any, module_name: str, attribute: str) -> Any:
    target = module
    for part in attribute.split("."):
        if not hasattr(target, part):
            raise ModelError(f"module {module_name!r} has no {attribute!r}")
        target = getattr(target, part)
    return target


def _made(name: str, make: Callable[[], Any]) -> Strategy:
    try:
        model = make()
    except (Exception, SystemExit) as error:
        raise ModelError(f"{name} could not be made without arguments: {type(error).__name__}: {error}") from error
    if not isinstance(model, Strategy):
        raise ModelError(f"{name} made a {type(model).__name__}, which has no decide(view)")
    return model

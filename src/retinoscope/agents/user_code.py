"""Agents from the user's own code, run because the user named it: `file.py:name` and `package.module:name`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
from torch import nn

from retinoscope.agents.agent import Agent
from retinoscope.agents.packing import said
from retinoscope.errors import UserError


def names_code(text: str) -> bool:
    """Whether this is of the form `file.py:name` or `package.module:name`."""
    place, colon, name = text.rpartition(":")
    is_module = all(part.isidentifier() for part in place.split("."))
    return bool(colon) and name.isidentifier() and (place.endswith(".py") or is_module)


def load_code(text: str) -> Agent:
    """The agent of this name in a file or module.

    Args:
        text: `file.py:name` or `package.module:name`, where `name` is an `Agent`, or a function without arguments that
            returns one. Its own imports are looked for in the folder of the file, or in the working directory, too.

    Raises:
        UserError: there is no such file, module or name, the code fails, or it is no agent.
    """
    place, _, name = text.rpartition(":")
    module = _file(Path(place), text) if place.endswith(".py") else _module(place, text)
    if not hasattr(module, name):
        there = [each for each, value in vars(module).items() if _is_agent(value, module)]
        instead = f"; choose from {', '.join(there)}" if there else ""
        raise UserError(f"agent {text!r}: {place} has no {name!r}{instead}")
    found = getattr(module, name)
    if _is_function(found):
        found = _run(found, text)
    if isinstance(found, Agent):
        return found
    raise UserError(
        f"agent {text!r}: is a {type(found).__name__}; give what retinoscope.from_module returns, or a function "
        "without arguments that returns it"
    )


def _is_agent(value: Any, module: ModuleType) -> bool:
    return isinstance(value, Agent) or (_is_function(value) and value.__module__ == module.__name__)


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type | nn.Module)


def _file(path: Path, text: str) -> ModuleType:
    if not path.is_file():
        raise UserError(f"agent {text!r}: there is no file {path}")
    path = path.resolve()
    # Two files of one name are two modules; and none takes the place of a module that has this name already.
    name = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"agent {text!r}: {path} cannot be read as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _look_in(path.parent)
    loader = spec.loader
    _run(lambda: loader.exec_module(module), text)
    # No other process could import it by this name.
    cloudpickle.register_pickle_by_value(module)
    return module


def _module(name: str, text: str) -> ModuleType:
    _look_in(Path.cwd())
    importlib.invalidate_caches()
    try:
        is_there = importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        is_there = False
    if not is_there:
        raise UserError(
            f"agent {text!r}: there is no module {name}; give its path from the working directory, or a file"
        )
    module: ModuleType = _run(lambda: importlib.import_module(name), text)
    return module


def _look_in(folder: Path) -> None:
    """Find modules there, too; last, for a file there may have the name of a module that others import."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _run(code: Callable[[], Any], text: str) -> Any:
    """What the user's code returns.

    Raises:
        UserError: it fails.
    """
    try:
        return code()
    except UserError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        is_told = isinstance(error, SyntaxError) or not frames  # where it is
        at = "" if is_told else f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"
        raise UserError(f"agent {text!r}: its code fails with {said(error)}{at}") from error

"""Things from the user's own code, run because the user named it: `file.py:name` and `package.module:name`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import cloudpickle

from retinoscope.errors import UserError, said

_T = TypeVar("_T")


def names_code(text: str) -> bool:
    """Whether this is of the form `file.py:name` or `package.module:name`."""
    place, colon, name = text.rpartition(":")
    is_module = all(part.isidentifier() for part in place.split("."))
    return bool(colon) and name.isidentifier() and (place.endswith(".py") or is_module)


def load_named(text: str, kind: type[_T], what: str, advice: str) -> _T:
    """What has this name in a file or module.

    Args:
        text: `file.py:name` or `package.module:name`, where `name` is of the kind that is wanted, or a function
            without arguments that returns it. Its own imports are looked for in the folder of the file, or in the
            working directory, too.
        kind: class that is wanted.
        what: what messages call it.
        advice: what to give instead.

    Raises:
        UserError: there is no such file, module or name, the code fails, or it is of another kind.
    """
    place, _, name = text.rpartition(":")
    said_so = f"{what} {text!r}"
    module = _file(Path(place), said_so) if place.endswith(".py") else _module(place, said_so)
    if not hasattr(module, name):
        there = [each for each, value in vars(module).items() if _is_wanted(value, kind, module)]
        instead = f"; choose from {', '.join(there)}" if there else ""
        raise UserError(f"{said_so}: {place} has no {name!r}{instead}")
    found = getattr(module, name)
    if not isinstance(found, kind) and _is_function(found):
        found = _run(found, said_so)
    if isinstance(found, kind):
        return found
    raise UserError(f"{said_so}: is a {type(found).__name__}; {advice}")


def _is_wanted(value: Any, kind: type[Any], module: ModuleType) -> bool:
    return isinstance(value, kind) or (_is_function(value) and value.__module__ == module.__name__)


def _is_function(value: Any) -> bool:
    return callable(value) and hasattr(value, "__name__") and not isinstance(value, type)


def _file(path: Path, said_so: str) -> ModuleType:
    if not path.is_file():
        raise UserError(f"{said_so}: there is no file {path}")
    path = path.resolve()
    # Two files of one name are two modules; and none takes the place of a module that has this name already.
    name = f"{path.stem}_{hashlib.sha256(str(path).encode() + path.read_bytes()).hexdigest()[:8]}"
    if name in sys.modules:  # an agent and its world may come from one file
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{said_so}: {path} cannot be read as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _look_in(path.parent)
    loader = spec.loader
    try:
        _run(lambda: loader.exec_module(module), said_so)
    except BaseException:
        del sys.modules[name]
        raise
    # No other process could import it by this name.
    cloudpickle.register_pickle_by_value(module)
    return module


def _module(name: str, said_so: str) -> ModuleType:
    _look_in(Path.cwd())
    importlib.invalidate_caches()
    try:
        is_there = importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        is_there = False
    if not is_there:
        raise UserError(f"{said_so}: there is no module {name}; give its path from the working directory, or a file")
    module: ModuleType = _run(lambda: importlib.import_module(name), said_so)
    return module


def _look_in(folder: Path) -> None:
    """Find modules there, too; last, for a file there may have the name of a module that others import."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _run(code: Callable[[], Any], said_so: str) -> Any:
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
        raise UserError(f"{said_so}: its code fails with {said(error)}{at}") from error

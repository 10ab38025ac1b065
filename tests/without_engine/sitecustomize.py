"""Python loads this first in every process of `make test-quick`: what starts the engine or a training fails there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, NoReturn

REFUSED = {"vizdoom": ("DoomGame", "init"), "sample_factory.algo.runners.runner": ("Runner", "run")}
"""Module -> the class and the method by which the game engine, or a training, is started."""
MESSAGE = "this starts the game engine or a training; mark the test: @pytest.mark.engine"


def refuse(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError(MESSAGE)


class Finder(MetaPathFinder):
    """Finds modules as Python does, and takes from them the means to start."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname in REFUSED else None
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_refuse(module: ModuleType) -> None:
                execute(module)
                take_from(module)

            spec.loader.exec_module = execute_and_refuse  # type: ignore[method-assign]
        return spec


def take_from(module: ModuleType) -> None:
    owner, method = REFUSED[module.__name__]
    setattr(getattr(module, owner), method, refuse)


def install() -> None:
    if not any(type(each).__name__ == "Finder" for each in sys.meta_path):
        sys.meta_path.insert(0, Finder())
        for name in REFUSED.keys() & sys.modules.keys():
            take_from(sys.modules[name])


install()

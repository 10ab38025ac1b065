"""Result in, Figure or movie out; nothing here computes and nothing here saves.

Every module here that draws names its public functions in `__all__`, and all of them are functions of this package:
`retinoscope.figures.raster(result)`. A function that draws returns the Figure. One whose figure is a single panel takes
`ax`, Axes of yours to draw into, and then returns these Axes. All others take `figsize`, inches; those that carry their
caption themselves leave it out with `caption=False`. `use_style` changes the look of all of them. Functions whose name
ends in `_frames` yield the frames of a movie.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from types import ModuleType
from typing import Any

_MODULES = tuple(each.name for each in pkgutil.iter_modules(__path__))


class _Figures(ModuleType):
    """This package, in which the function `raster` stands under its name and not the module of that name."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Importing a module of a package sets it as an attribute of the package.
        is_ours = isinstance(value, ModuleType) and name in getattr(value, "__all__", ())
        super().__setattr__(name, getattr(value, name) if is_ours else value)


sys.modules[__name__].__class__ = _Figures


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    if name in _MODULES:
        module = importlib.import_module(f"{__name__}.{name}")
        return getattr(module, name) if name in getattr(module, "__all__", ()) else module
    if not name.startswith("_"):
        # The module of the longest common beginning is most often the right one; the others are then never loaded.
        for each in sorted(_MODULES, key=lambda module: -_common(module, name)):
            module = importlib.import_module(f"{__name__}.{each}")
            if name in getattr(module, "__all__", ()):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _common(one: str, other: str) -> int:
    """How many letters both begin with."""
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def __dir__() -> list[str]:
    modules = (importlib.import_module(f"{__name__}.{each}") for each in _MODULES)
    return sorted(name for module in modules for name in getattr(module, "__all__", ()))

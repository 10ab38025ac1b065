"""One module per analysis, in rooms by group: what it needs, its parameters, run -> Result, and what is drawn of it.

Every analysis is a function of this package under its own name, as are its class of parameters and the further
functions it declares: `retinoscope.analyses.raster(recording, agent=agent, order="euclidean")`.
"""

from __future__ import annotations

from typing import Any


def _public() -> dict[str, Any]:
    """Name -> function or class of parameters, of every analysis."""
    from retinoscope.analyses.images.scenario_preview import scenario_preview
    from retinoscope.analyses.registry import all_analyses

    found: dict[str, Any] = {"scenario_preview": scenario_preview}
    for each in all_analyses().values():
        found[each.name] = each.run
        found[each.parameters.__name__] = each.parameters
        found |= {function.__name__: function for function in each.functions}
    return found


def __getattr__(name: str) -> Any:
    found = {} if name.startswith("_") else _public()
    if name not in found:
        raise AttributeError(f"module 'retinoscope.analyses' has no attribute {name!r}")
    return found[name]


def __dir__() -> list[str]:
    return sorted(_public())

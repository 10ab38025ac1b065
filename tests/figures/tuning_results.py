"""A small Result of `tuning`, with an untrained network beside the agent."""

from __future__ import annotations

import functools

import xarray

from retinoscope.analyses.memory.tuning import tuning
from retinoscope.result import Result
from tests.planted_tuning import room


def planted() -> Result:
    """Another one at each call: whoever changes one changes no other's."""
    found = _measured()
    return Result("tuning", found.data.copy(deep=True), found.parameters, found.provenance | {"agent": "planted"})


@functools.cache
def _measured() -> Result:
    """Of cells in a room; what passes for the untrained network is the same, half as active."""
    found = tuning(room(4, 150), shifts=5, place_bins=6, curve_bins=8, object_bins=(4, 4), fewest=2)
    other = found.data.assign_coords(network=["untrained"])
    for name in other:
        if str(name).endswith("_rate"):
            other[name] = other[name] / 2
    data = xarray.concat([found.data, other], "network", data_vars="minimal", coords="minimal", compat="override")
    return Result("tuning", data, found.parameters, found.provenance)

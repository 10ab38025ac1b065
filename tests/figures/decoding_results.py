"""A small Result of `memory_decoding`, with an untrained network beside the agent."""

from __future__ import annotations

import functools

import numpy as np
import xarray

from retinoscope.analyses.memory.memory_decoding import memory_decoding
from retinoscope.result import Result
from tests.analyses.test_memory_decoding import shelf


def planted() -> Result:
    """Another one at each call: whoever changes one changes no other's."""
    found = _measured()
    return Result("memory_decoding", found.data.copy(deep=True), found.parameters, dict(found.provenance))


@functools.cache
def _measured() -> Result:
    """Of things on a shelf; what passes for the untrained network tells half as much."""
    targets = ("class of the last object", "bearing of the last object")
    found = memory_decoding(
        shelf(4, episodes=10, rows=200), delays=(1, 2, 4, 8), burn_in_steps=0, components=12, shifts=4, targets=targets
    )
    other = found.data.assign_coords(network=["untrained"])
    for name in other:
        if np.issubdtype(other[name].dtype, np.floating) and "network" in other[name].dims:
            other[name] = other[name] / 2
    data = xarray.concat([found.data, other], "network", data_vars="minimal", coords="minimal", compat="override")
    return Result("memory_decoding", data, found.parameters, found.provenance | {"agent": "planted"})

"""A recording as one dataset, each variable read when it is asked for and no more of it than is asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from xarray.backends import BackendArray
from xarray.core import indexing

if TYPE_CHECKING:
    from retinoscope.rollouts.recording import Recording


class _Column(BackendArray):
    """One variable, (time, ...)."""

    def __init__(self, recording: Recording, name: str, like: xarray.DataArray) -> None:
        self._recording, self._name = recording, name
        self.shape = (recording.frames, *like.shape[1:])
        self.dtype = like.dtype

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        """Of slices and whole numbers: the span of rows that they lie in, and of it what is wanted."""
        wanted = np.arange(self.shape[0])[key[0]]
        if wanted.size == 0:
            return np.empty((0, *self.shape[1:]), self.dtype)[(slice(None), *key[1:])]
        first, last = int(np.min(wanted)), int(np.max(wanted))
        rows = self._recording.rows(first, last + 1, (self._name,))[self._name].values
        return rows[(wanted - first, *key[1:])]


def lazy_dataset(recording: Recording) -> xarray.Dataset:
    """Every column over `time`, none of them loaded; `episode` and `step` are.

    Returns:
        The dataset, with attributes that netCDF can hold: `agent` and `world`, their names, `attributes` and
        `declaration`, JSON.
    """
    row = recording.rows(0, 1)
    about = recording.rows(names=())
    variables = {
        name: xarray.Variable(
            column.dims, indexing.LazilyIndexedArray(_Column(recording, str(name), column)), column.attrs
        )
        for name, column in row.data_vars.items()
    }
    labels = {name: each for name, each in row.coords.items() if "time" not in each.dims}
    coordinates = {"episode": about["episode"], "step": about["step"], **labels}
    said = {
        "agent": str(recording.attributes["agent"]),
        "world": recording.world.name,
        "attributes": json.dumps(recording.attributes, default=str),
        "declaration": json.dumps(recording.world.to_json()),
    }
    return xarray.Dataset(variables, coords=coordinates, attrs=said)

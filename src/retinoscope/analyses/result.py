"""What an analysis returns: labelled arrays, the parameters that made them, and where everything came from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray

from retinoscope.errors import UserError
from retinoscope.files import replacing


@dataclass(frozen=True)
class Result:
    """Arrays with named dimensions, ready to be drawn, saved and drawn again.

    Attributes:
        analysis: name of the analysis, the same everywhere (`receptive_fields`, `simulation`, ...).
        data: every array carries `units` and a `long_name` in its attributes where it has any.
        parameters: all of them, defaults included; JSON-able.
        provenance: agent, checkpoint hash, scenario, seed, versions; JSON-able.
    """

    analysis: str
    data: xarray.Dataset
    parameters: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> Path:
        """Write a netCDF-4 file, beside first and then renamed, so that no half of it is ever seen."""
        path = Path(path)
        data = self.data.assign_attrs(
            analysis=self.analysis,
            parameters=json.dumps(self.parameters),
            provenance=json.dumps(self.provenance),
        )
        with replacing(path) as temporary:
            data.to_netcdf(temporary, engine="h5netcdf")
        return path


def load_result(path: str | Path) -> Result:
    """Read a saved Result.

    Raises:
        UserError: the file is missing or is not a Result.
    """
    try:
        with xarray.open_dataset(path, engine="h5netcdf") as file:
            data = file.load()
        analysis = data.attrs.pop("analysis")
        parameters, provenance = json.loads(data.attrs.pop("parameters")), json.loads(data.attrs.pop("provenance"))
    except (OSError, ValueError, KeyError):
        raise UserError(f"{path}: is not a saved result; give a .nc file that an analysis wrote") from None
    return Result(analysis, data, parameters, provenance)

"""What an analysis returns: labelled arrays, the parameters that made them, and where everything came from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray

from retinoscope.errors import UserError
from retinoscope.files import replacing
from retinoscope.versions import versions

SCHEMA_VERSION = 3
"""Of saved Results. 1, which is not written in the file: provenance of whatever keys its analysis thought of. Before 3
every world was an arena of one game engine, and variables had the names of what there is in it."""

_PACKAGES = ("retinoscope", "torch", "numpy", "scipy", "scikit-learn", "xarray", "zarr", "vizdoom")


@dataclass(frozen=True)
class Result:
    """Arrays with named dimensions, ready to be drawn, saved and drawn again.

    Attributes:
        analysis: name of the analysis, the same everywhere (`receptive_fields`, `simulation`, ...).
        data: every array carries `units` and a `long_name` in its attributes where it has any.
        parameters: all of them, defaults included; JSON-able.
        provenance: what `provenance` says; JSON-able.
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
            schema_version=SCHEMA_VERSION,
            parameters=json.dumps(self.parameters),
            provenance=json.dumps(self.provenance),
        )
        with replacing(path) as temporary:
            data.to_netcdf(temporary, engine="h5netcdf")
        return path


def load_result(path: str | Path) -> Result:
    """Read a saved Result, of this version or an earlier one.

    Raises:
        UserError: the file is missing, is not a Result, or was written by a later version.
    """
    try:
        with xarray.open_dataset(path, engine="h5netcdf") as file:
            data = file.load()
        analysis, version = data.attrs.pop("analysis"), int(data.attrs.pop("schema_version", 1))
        parameters, found = json.loads(data.attrs.pop("parameters")), json.loads(data.attrs.pop("provenance"))
    except (OSError, ValueError, KeyError):
        raise UserError(f"{path}: is not a saved result; give a .nc file that an analysis wrote") from None
    if version > SCHEMA_VERSION:
        raise UserError(
            f"{path}: is a result of schema {version}, this version of retinoscope reads up to {SCHEMA_VERSION}; "
            "install a newer one"
        )
    if version < SCHEMA_VERSION:
        from retinoscope.worlds.earlier import came_from, renamed

        data, found = renamed(analysis, data), came_from(found)
    return Result(analysis, data, parameters, found)


def provenance(
    *, agent: Any = None, recording: Any = None, world: Any = None, activity: str | None = None, **more: Any
) -> dict[str, Any]:
    """Where a Result comes from, under the same keys whatever the analysis; None where a thing had no part in it.

    Args:
        agent: who was looked at, with `name`, `checkpoint_sha256`, `frames_trained`, `world` and `scenario`.
        recording: what was looked at, with `attributes`, `frames` and `world`; it knows agent, world and seed too.
        world: where, with `declaration`; None for that of the recording, or else of the agent.
        activity: where arrays that are no recording come from.
        **more: further keys, of this analysis alone.

    Returns:
        `agent`, `checkpoint_sha256`, `frames_trained`, `world` (its name), `world_sha256`, `world_source` (what it was
        made from), `seed` (of the recording), `recording_frames`, `recorded_with` (versions), `activity`, `versions`.
    """
    known = dict(recording.attributes) if recording is not None else {}
    name, sha256, source = _identity(world, recording, agent)
    return {
        "agent": known.get("agent") if agent is None else agent.name,
        "checkpoint_sha256": known.get("checkpoint_sha256") if agent is None else agent.checkpoint_sha256,
        "frames_trained": known.get("frames_trained") if agent is None else agent.frames_trained,
        "world": name,
        "world_sha256": sha256,
        "world_source": source,
        "seed": known.get("seed"),
        "recording_frames": None if recording is None else recording.frames,
        "recorded_with": known.get("versions"),
        "activity": activity,
        "versions": versions(*_PACKAGES),
        **more,
    }


def _identity(world: Any, recording: Any, agent: Any) -> tuple[str | None, str | None, str | None]:
    """Name, hash and source of the world, as far as they are known."""
    lived_in = None if agent is None or recording is not None else agent.world or agent.scenario
    where = lived_in if world is None else world
    declared = recording.world if where is None and recording is not None else getattr(where, "declaration", where)
    if declared is None:
        return None, None, None
    if hasattr(declared, "sha256"):
        return declared.name, declared.sha256, declared.source
    return (
        declared.name,
        None,
        declared.to_yaml(),
    )  # the specification of an arena, which has no hash before it is built

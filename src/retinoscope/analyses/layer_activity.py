"""The activity of any layer during a recording, block by block: stored where it is stored, else computed again."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import xarray
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy, inference
from retinoscope.analyses.behaviour.affinity_cache import cached, content_key
from retinoscope.errors import UserError
from retinoscope.versions import source_sha256, versions

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

PIXELS = "pixels"
KEPT_BLOCK = 256
"""Size of the blocks that are left in a cache: whoever begins at the same row finds those of another."""

_STORED = {"policy": "logits", "value": "value"}  # layer -> column, where their names differ
_BATCH = 256  # what passes the network at once; larger batches are no faster
_GAP, _SPAN = 64, 4096  # rows nearer to each other than that are read together, but never more than so many


def activity_blocks(
    recording: Recording,
    layers: Iterable[str],
    policy: Policy | None = None,
    size: int = 1024,
    also: Iterable[str] = (),
    start: int = 0,
    stop: int | None = None,
    *,
    rows: NDArray[np.integer] | None = None,
    cache: Path | None = None,
) -> Iterator[xarray.Dataset]:
    """The activity of layers at consecutive decisions, without ever holding more than one block.

    Args:
        recording: what the agent saw, did and computed.
        layers: names of layers, and `pixels` for the observations.
        policy: needed for convolutions, which are computed again from the stored observations.
        size: decisions per block.
        also: further variables of the recording, as in `Recording.rows`.
        start: first row.
        stop: row behind the last; None for all.
        rows: (row,) rising numbers of the rows that are wanted, instead of those from `start` to `stop`.
        cache: a folder in which blocks of convolutions that are computed are left, under a hash of the observations,
            the agent and the code; a block that is there is read and not computed again.

    Yields:
        Datasets over `time` with coordinates `row`, `episode` and `step`: `pixels` (time, height, width, channel)
        uint8; a convolution (time, NAME_channel, NAME_row, NAME_column), other layers (time, NAME_unit), float32.

    Raises:
        UserError: there is no such layer, a convolution is asked for without a policy, or what follows from a memory
            is not in the recording.
    """
    wanted = tuple(layers)
    stored = {name: _STORED.get(name, name) for name in wanted if name in (*recording.attributes["layers"], *_STORED)}
    computed = [name for name in wanted if name not in stored and name != PIXELS]
    if computed and policy is None:
        raise UserError(f"layer {computed[0]!r}: is not in the recording; give the agent that computed it")
    if computed and policy is not None:
        for name in computed:
            if policy.state_size and policy.layer(name).role not in ("encoder stage", "encoder output"):
                raise UserError(f"layer {name!r}: is not in the recording, and no observation alone tells what it was")
    seen = (PIXELS in wanted or bool(computed)) and "observation" not in also
    names = [*dict.fromkeys([*stored.values(), *also, *(["observation"] if seen else [])])]
    chosen = np.arange(start, recording.frames if stop is None else stop) if rows is None else rows
    for first in range(0, len(chosen), size):
        read = _read(recording, chosen[first : first + size], names)
        block = xarray.Dataset(coords={name: read[name] for name in ("row", "episode", "step")})
        for name in wanted:
            if name == PIXELS:
                block[name] = read["observation"]
            elif name in stored:
                values = read[stored[name]].values
                block[name] = (("time", f"{name}_unit"), values.reshape(len(values), -1))
        if computed and policy is not None:
            sha256 = str(recording.attributes["checkpoint_sha256"])
            found = _computed(policy, computed, read["observation"].values, cache if sha256 else None, sha256)
            for name, activity in found.items():
                dimensions = [
                    f"{name}_{axis}" for axis in (("channel", "row", "column") if activity.ndim == 4 else ("unit",))
                ]
                block[name] = (("time", *dimensions), activity)
        yield block.assign({name: read[name] for name in also})


def _read(recording: Recording, rows: NDArray[np.integer], names: list[str]) -> xarray.Dataset:
    """Rows with their numbers; those that lie near each other are read at once."""
    parts = []
    is_far = (np.diff(rows) > _GAP) | (np.diff(rows // _SPAN) > 0)
    for near in np.split(rows, np.flatnonzero(is_far) + 1):
        first, last = int(near[0]), int(near[-1])
        part = recording.rows(first, last + 1, names).load()
        parts.append(part if len(near) == last + 1 - first else part.isel(time=near - first))
    read = parts[0] if len(parts) == 1 else xarray.concat(parts, "time")
    return read.assign_coords(row=("time", rows))


def _computed(
    policy: Policy, names: list[str], observations: NDArray[np.uint8], cache: Path | None, checkpoint_sha256: str
) -> dict[str, NDArray[np.float32]]:
    @functools.cache
    def passed() -> dict[str, NDArray[np.float32]]:
        parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
        with inference(), policy.capture(*names) as found:
            for first in range(0, len(observations), _BATCH):
                pixels = torch.as_tensor(observations[first : first + _BATCH], device=policy.device)
                policy.step(pixels, policy.initial_state(len(pixels)))
                for name, each in parts.items():
                    each.append(found[name].cpu().numpy())
        return {name: each[0] if len(each) == 1 else np.concatenate(each) for name, each in parts.items()}

    if cache is None:
        return passed()
    of_all = {"checkpoint_sha256": checkpoint_sha256, "device": str(policy.device), "code": source_sha256()}
    of_all |= versions("torch")
    return {
        name: cached(
            cache,
            f"activity-{name}",
            content_key(observations, of_all | {"layer": name}),
            lambda name=name: {"activity": passed()[name]},  # type: ignore[misc]
        )["activity"]
        for name in names
    }

"""The activity of any layer during a recording, block by block: stored where it is stored, else computed again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch
import xarray

from retinoscope.agents.policy import Policy, inference
from retinoscope.errors import UserError

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

PIXELS = "pixels"
_STORED = {"policy": "logits", "value": "value"}  # layer -> column, where their names differ


def activity_blocks(
    recording: Recording,
    layers: Iterable[str],
    policy: Policy | None = None,
    size: int = 1024,
    also: Iterable[str] = (),
    start: int = 0,
    stop: int | None = None,
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

    Yields:
        Datasets over `time` with coordinates `episode` and `step`: `pixels` (time, height, width, channel) uint8; a
        convolution (time, NAME_channel, NAME_row, NAME_column), other layers (time, NAME_unit), float32.

    Raises:
        UserError: there is no such layer, or a convolution is asked for without a policy.
    """
    wanted, stop = tuple(layers), recording.frames if stop is None else stop
    stored = {name: _STORED.get(name, name) for name in wanted if name in (*recording.attributes["layers"], *_STORED)}
    computed = [name for name in wanted if name not in stored and name != PIXELS]
    if computed and policy is None:
        raise UserError(f"layer {computed[0]!r}: is not in the recording; give the agent that computed it")
    if computed and policy is not None:
        for name in computed:
            policy.layer(name)
    seen = (PIXELS in wanted or bool(computed)) and "observation" not in also
    names = [*dict.fromkeys([*stored.values(), *also, *(["observation"] if seen else [])])]
    for first in range(start, stop, size):
        rows = recording.rows(first, min(first + size, stop), names).load()
        block = xarray.Dataset(coords={"episode": rows["episode"], "step": rows["step"]})
        for name in wanted:
            if name == PIXELS:
                block[name] = rows["observation"]
            elif name in stored:
                values = rows[stored[name]].values
                block[name] = (("time", f"{name}_unit"), values.reshape(len(values), -1))
        if computed and policy is not None:
            for name, activity in _computed(policy, computed, rows["observation"].values).items():
                dimensions = [
                    f"{name}_{axis}" for axis in (("channel", "row", "column") if activity.ndim == 4 else ("unit",))
                ]
                block[name] = (("time", *dimensions), activity.numpy())
        yield block.assign({name: rows[name] for name in also})


def _computed(policy: Policy, names: list[str], observations: object) -> dict[str, torch.Tensor]:
    with inference(), policy.capture(*names) as found:
        pixels = torch.as_tensor(observations, device=policy.device)
        policy.step(pixels, policy.initial_state(len(pixels)))
    return {name: found[name].cpu() for name in names}

"""Windows of a recording as samples: consecutive decisions of one episode, never across a reset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.memory.samples import Samples
from retinoscope.errors import NotMeasurable, UserError

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

WINDOW_STEPS = 16
"""Decisions in a window unless said otherwise: a second or two of most games."""


def layer_of(recording: Recording) -> str:
    """The layer that is looked at unless said otherwise: the first of the memory, or the only one there is.

    Raises:
        NotMeasurable: there are several layers, and none is said to be a memory.
    """
    memory, layers = recording.layers_of("memory"), tuple(recording.attributes["layers"])
    if memory or len(layers) == 1:
        return (memory or layers)[0]
    raise NotMeasurable(f"{recording.path}: holds no layer of a memory; name one of its layers: {', '.join(layers)}")


class RecordingWindows(Samples):
    """Stretches of the activity of a layer within episodes, of the memory unless said otherwise.

    Every episode is cut, from its first decision after the burn-in on, into windows of `length` decisions that begin
    `stride` apart; what remains at its end is left out. With the default stride, the length, every decision is in at
    most one window.

    Args:
        recording: of an agent.
        length: decisions in a window.
        stride: decisions from the beginning of one window to that of the next; None for the length.
        burn_in: decisions at the start of each episode that are left out, as the state still forgets its reset.
        layer: whose activity; None for the first layer of the memory.

    Attributes:
        starts: (sample,) row of the recording with which each window begins.
        episodes: (sample,) index of the episode.

    Raises:
        UserError: a length is out of range.
        NotMeasurable: the agent has no such layer, or no episode is as long as a window.
    """

    def __init__(
        self,
        recording: Recording,
        length: int = WINDOW_STEPS,
        stride: int | None = None,
        burn_in: int = 0,
        layer: str | None = None,
    ) -> None:
        layer = layer_of(recording) if layer is None else layer
        if layer not in recording.attributes["layers"]:
            there = ", ".join(recording.attributes["layers"])
            raise NotMeasurable(f"{recording.path}: holds no layer {layer!r}; choose from {there}")
        for name, value, least in (("length", length, 1), ("stride", stride, 1), ("burn_in", burn_in, 0)):
            if value is not None and value < least:
                raise UserError(f"{name} {value}: must be at least {least} decision{'s' if least != 1 else ''}")
        self.recording, self.layer = recording, layer
        self.steps, self.stride, self.burn_in = length, stride or length, burn_in
        starts = [
            np.arange(episode.start + burn_in, episode.stop - length + 1, self.stride) for episode in recording.episodes
        ]
        self.starts = np.concatenate(starts)
        self.episodes = np.repeat([each.index for each in recording.episodes], [len(each) for each in starts])
        self.count, self.units = len(self.starts), int(recording.attributes["layers"][layer])
        self.source = f"{layer} of {recording.attributes['agent']}"
        if not self.count:
            longest = max((episode.stop - episode.start for episode in recording.episodes), default=0)
            left_out = f", of which the first {burn_in} are left out as the memory's start-up" if burn_in else ""
            raise NotMeasurable(
                f"{recording.path}: the longest episode has {longest} decisions{left_out}, and a window takes "
                f"{length}; use shorter windows (window_steps), or record longer episodes"
            )

    def activity(self, start: int, stop: int) -> NDArray[np.floating]:
        first = int(self.starts[start])
        rows = self.recording.rows(first, int(self.starts[stop - 1]) + self.steps, [self.layer])[self.layer].values
        rows = np.asarray(rows, self.dtype)
        return rows[(self.starts[start:stop] - first)[:, None] + np.arange(self.steps)]

    def frames(self, sample: int) -> NDArray[Any] | None:
        if "observation" not in self.recording.columns:
            return None
        start = int(self.starts[sample])
        return self.recording.rows(start, start + self.steps, ["observation"])["observation"].values

    def group(self, samples: NDArray[np.integer]) -> NDArray[np.integer]:
        return self.episodes[samples]

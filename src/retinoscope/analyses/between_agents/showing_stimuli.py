"""The same stimuli before every agent, a stretch at a time: which rows they are, and what they evoke in each layer.

Frames of a recording are shown in their order, so that a memory is driven by what came before, and starts anew with
each episode; images are shown one step from the state at the start of an episode. Activity of layers behind the memory
is held for a stretch; maps are computed block by block.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.policy import Layer, Policy, inference
from retinoscope.analyses.compared import Compared
from retinoscope.analyses.early_vision.receptive_field_parameters import ends_of_stages, maps_of_encoder
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.statistics.similarity import FEWEST

BLOCK = 128
"""Stimuli that are compared with each other, at most."""

STRETCH = 4096
"""Stimuli whose pixels are held together, at most."""

PIXELS = "pixels"
_ENCODER = ("encoder stage", "encoder output")


@dataclass(frozen=True)
class Lane:
    """Consecutive rows of a stretch that drive a memory one after another.

    Attributes:
        start, stop: rows of the stretch.
        source: number of the recording.
        goes_on: the episode began in an earlier stretch.
    """

    start: int
    stop: int
    source: int
    goes_on: bool


@dataclass(frozen=True)
class Stretch:
    """Stimuli that are held together.

    Attributes:
        pixels: (row, height, width, channel).
        unit: (row,) number of the episode or image.
        step: (row,) decisions since the start of the episode; zeros for images.
        lanes: of all rows.
        is_sequence: rows follow each other in time.
    """

    pixels: NDArray
    unit: NDArray[np.integer]
    step: NDArray[np.integer]
    lanes: tuple[Lane, ...]
    is_sequence: bool

    def blocks(self, skip: int = 0) -> list[NDArray[np.intp]]:
        """The rows in blocks that are spread over the whole stretch, as many in each as in the others.

        Args:
            skip: decisions at the start of each episode that are left out; no image is.
        """
        rows = np.flatnonzero(self.step >= skip) if self.is_sequence else np.arange(len(self.unit))
        if len(rows) < FEWEST:
            return []
        count = max(1, min(-(-len(rows) // BLOCK), len(rows) // FEWEST))
        return [rows[first::count] for first in range(count)]

    def orders(self, count: int, shuffles: int, random: np.random.Generator) -> NDArray[np.intp]:
        """(shuffle, row of a block) so many other orders of a block of `count` rows.

        Frames are moved along by the same number of rows, an eighth of the block at least, so that neighbours stay
        neighbours; images are put into any order.
        """
        if self.is_sequence:
            least = max(1, count // 8)
            moved = random.integers(least, max(count - least, least) + 1, size=shuffles)
            return np.asarray((np.arange(count) + moved[:, None]) % count)
        return np.array([random.permutation(count) for _ in range(shuffles)], np.intp).reshape(shuffles, count)


@dataclass
class Shown:
    """One kind of stimuli: `stretches` yields all of them, and can be called again."""

    name: str
    rows: int
    units: int
    words: str
    compared: Compared = field(repr=False)

    def stretches(self) -> Iterator[Stretch]:
        """All stimuli, stretch by stretch."""
        return _images(self.compared) if self.name == "images" else _frames(self.compared)


def stimuli_of(compared: Compared) -> tuple[Shown, ...]:
    """The kinds of stimuli that there are: `frames`, `images`.

    Raises:
        NotMeasurable: there are fewer than four stimuli of a kind, or none at all.
    """
    found = []
    if compared.frames:
        rows, units = sum(each.frames for each in compared.frames), sum(len(each.episodes) for each in compared.frames)
        by = ", ".join(dict.fromkeys(str(each.attributes["agent"]) for each in compared.frames))
        episodes = f"{units} episode{'s' if units != 1 else ''}"
        found.append(Shown("frames", rows, units, f"{rows:,} frames of {episodes} played by {by}", compared))
    if compared.views is not None:
        images = len(np.unique(compared.views.image))
        found.append(Shown("images", len(compared.views.image), images, compared.views.words, compared))
    if not found:
        raise NotMeasurable("there is nothing that all agents could be shown; give a recording or images")
    for each in found:
        if each.rows < 4:
            raise NotMeasurable(f"there are {each.rows} {each.name}; show at least 4")
    return tuple(found)


def layers_compared(policy: Policy, chosen: Sequence[str] | None) -> tuple[Layer, ...]:
    """The layers of a network that are compared: those named as far as it has them, else a handful.

    Of more than five convolutions these are the ends of the stages.

    Raises:
        UserError: it has none of those that are named.
    """
    if chosen is not None:
        found = tuple(each for each in policy.layers if each.name in chosen)
        if not found:
            policy.layer(chosen[0])
        return found
    maps = maps_of_encoder(policy)
    ends = {each.name for each in ends_of_stages(maps)} if maps else set()
    return tuple(
        each for each in policy.layers if each.role != "other" and (each.name in ends if each.is_map else True)
    )


class Network:
    """One network while stimuli are shown to it, stretch by stretch in their order."""

    def __init__(self, policy: Policy, layers: Sequence[Layer]) -> None:
        self.policy, self.layers = policy, tuple(layers)
        is_driven = {each.name: bool(policy.state_size) and each.role not in _ENCODER for each in layers}
        self._behind = [name for name, behind in is_driven.items() if behind]
        self._before = [name for name, behind in is_driven.items() if not behind]
        self._states: dict[int, torch.Tensor] = {}

    def begin(self, stretch: Stretch) -> Mapping[str, NDArray[np.float32]]:
        """(row, unit) activity of the layers that a memory drives, of the whole stretch."""
        if not self._behind:
            return {}
        policy = self.policy
        lanes = sorted(stretch.lanes, key=lambda each: each.start - each.stop)
        lengths = np.array([each.stop - each.start for each in lanes])
        starts = np.array([each.start for each in lanes])
        state = policy.initial_state(len(lanes))
        for number, lane in enumerate(lanes):
            if lane.goes_on and lane.source in self._states:
                state[number] = self._states[lane.source]
        last = state.clone()
        found: dict[str, NDArray[np.float32]] = {}
        with inference(), policy.capture(*self._behind) as activity:
            for step in range(int(lengths.max())):
                there = int((lengths > step).sum())
                rows = starts[:there] + step
                pixels = torch.as_tensor(stretch.pixels[rows], device=policy.device)
                state = policy.step(pixels, state[:there]).state
                last[:there] = state
                for name in self._behind:
                    values = activity[name].flatten(1).cpu().numpy()
                    if name not in found:
                        found[name] = np.empty((len(stretch.unit), values.shape[1]), np.float32)
                    found[name][rows] = values
        for number, lane in sorted(enumerate(lanes), key=lambda each: each[1].start):
            self._states[lane.source] = last[number].clone()
        return found

    def evoked(
        self, stretch: Stretch, behind: Mapping[str, NDArray[np.float32]], rows: NDArray[np.integer]
    ) -> dict[str, NDArray[np.float32]]:
        """(row, unit) activity of every layer in some rows of a stretch; `behind` is what `begin` gave."""
        found: dict[str, NDArray[np.float32]] = {}
        if self._before:
            with inference(), self.policy.capture(*self._before) as activity:
                pixels = torch.as_tensor(stretch.pixels[rows], device=self.policy.device)
                self.policy.step(pixels, self.policy.initial_state(len(rows)))
                found = {name: activity[name].flatten(1).cpu().numpy() for name in self._before}
        return {each.name: found[each.name] if each.name in found else behind[each.name][rows] for each in self.layers}


def _frames(compared: Compared) -> Iterator[Stretch]:
    recordings = compared.frames
    total = sum(each.frames for each in recordings)
    count = -(-total // STRETCH)
    before = np.cumsum([0, *(len(each.episodes) for each in recordings)])
    for number in range(count):
        pixels, units, steps, lanes, rows = [], [], [], [], 0
        for source, recording in enumerate(recordings):
            start, stop = (recording.frames * part // count for part in (number, number + 1))
            if start == stop:
                continue
            read = recording.rows(start, stop, ("observation",))
            episode, step = read["episode"].values, read["step"].values
            begins = [0, *(np.flatnonzero(np.diff(episode)) + 1).tolist(), stop - start]
            lanes += [
                Lane(rows + first, rows + last, source, bool(step[first] > 0))
                for first, last in itertools.pairwise(begins)
            ]
            pixels.append(read["observation"].values)
            units.append(episode + before[source])
            steps.append(step)
            rows += stop - start
        unit, step = np.concatenate(units), np.concatenate(steps)
        yield Stretch(np.concatenate(pixels), unit, step, tuple(lanes), is_sequence=True)


def _images(compared: Compared) -> Iterator[Stretch]:
    views = compared.views
    if views is None:
        raise UserError("compare: no images are shown; ask for --stimuli images")
    count = -(-len(views.image) // STRETCH)
    for number in range(count):
        rows = np.arange(number, len(views.image), count)
        lanes = tuple(Lane(row, row + 1, 0, False) for row in range(len(rows)))
        yield Stretch(views.observations[rows], views.image[rows], np.zeros_like(rows), lanes, is_sequence=False)

"""What goes with the frames of a recording: small pictures of them, and what another network computes along them.

The network that has learned nothing is shown the very frames that the agent saw, in their order, its memory reset where
an episode begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.between_agents.showing_stimuli import Lane, Network, Stretch
from retinoscope.analyses.early_vision.untrained import Untrained
from retinoscope.progress import progress_bar

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

_BYTES = 128_000_000  # of frames that are held together
_ROWS = 8192  # read together
_SMALL = (15, 20)  # rows and columns of a small picture, at most
_IN_MEMORY = 400_000_000  # bytes of activity; more go to a file

Span = tuple[int, int]
"""First row of a stretch of an episode, and the row behind its last."""


@dataclass(frozen=True)
class Along:
    """What goes with rows of a recording.

    Attributes:
        pictures: (row, number) small pictures of the frames; None where there are none.
        activity: (row, unit) of each layer of the other network, by name.
    """

    pictures: NDArray[Any] | None
    activity: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Reference:
    """A network that has learned nothing.

    Attributes:
        policy: the network; None where there is none.
        words: what it is, for captions; a sentence on why there is none.
    """

    policy: Policy | None
    words: str


def rows_of(
    recording: Recording, spans: Sequence[Span], names: Sequence[str]
) -> Iterator[tuple[NDArray[np.int64], dict[str, NDArray[Any]]]]:
    """Columns in the rows of some stretches, many rows at a time.

    Args:
        recording: whose rows.
        spans: in order; what lies between them is left out.
        names: of the columns.

    Yields:
        The places among all rows of the stretches, and the values of each column there.
    """
    if not spans:
        return
    first, last = spans[0][0], spans[-1][1]
    place = np.full(last - first, -1)
    kept = 0
    for start, stop in spans:
        place[start - first : stop - first] = np.arange(kept, kept + stop - start)
        kept += stop - start
    for start in range(first, last, _ROWS):
        here = place[start - first : start - first + _ROWS]
        there = np.flatnonzero(here >= 0)
        if len(there):
            read = recording.rows(start + int(there[0]), start + int(there[-1]) + 1, names)
            yield here[there], {name: read[name].values[there - there[0]] for name in names}


def untrained_of(agent: Agent | None, is_wanted: bool, seed: int) -> Reference:
    """The network that training began with, else one with weights drawn anew; none if none is wanted."""
    if not is_wanted:
        return Reference(None, "")
    if agent is None:
        return Reference(None, "The agent is not at hand, so that no untrained network stands beside it.")
    found = Untrained.one_of(agent, seed)
    if found.first is not None:
        return Reference(found.first, "Untrained: the network before its training, along the same frames.")
    if found.draws:
        return Reference(found.draws[0], "Untrained: the same network with weights drawn anew, along the same frames.")
    return Reference(None, found.why_not)


def along_frames(
    recording: Recording,
    episodes: Sequence[Span],
    skip: int,
    policy: Policy | None,
    layers: Sequence[str],
    scratch: Path | None = None,
    progress: bool = False,
) -> Along:
    """Go through the frames of whole episodes once.

    Args:
        recording: whose frames.
        episodes: from their first rows on.
        skip: decisions at the start of each that drive the network and are then left out.
        policy: the other network; None for none.
        layers: of it; those that it does not have are left out.
        scratch: where large arrays may be put; None for memory.
        progress: show a progress bar.
    """
    kept = [max(0, stop - start - skip) for start, stop in episodes]
    first = dict(zip([start for start, _ in episodes], np.cumsum([0, *kept[:-1]]).tolist(), strict=True))
    if "observation" not in recording.columns:
        return Along(None, {})
    network = None
    if policy is not None:
        there = {each.name for each in policy.layers}
        network = Network(policy, [policy.layer(name) for name in layers if name in there])
    pictures: NDArray[Any] | None = None
    activity: dict[str, NDArray[np.float32]] = {}
    total = sum(stop - start for start, stop in episodes)
    with progress_bar("frames", total, progress) as advance:
        for stretch, spans in _stretches(recording, episodes):
            # Rows of the stretch behind the start-up, and where they are among all.
            steps = np.concatenate([np.arange(start, stop) - episode for start, stop, episode in spans])
            places = np.concatenate([first[e] + np.arange(start, stop) - e - skip for start, stop, e in spans])
            rows = np.flatnonzero(steps >= skip)
            places = places[rows]
            small = _small(stretch.pixels)
            if pictures is None:
                pictures = np.empty((sum(kept), small.shape[1]), small.dtype)
            pictures[places] = small[rows]
            if network is not None:
                behind = network.begin(stretch)
                for part in np.array_split(np.arange(len(rows)), max(1, -(-len(rows) // 256))):
                    if not len(part):
                        continue
                    for name, values in network.evoked(stretch, behind, rows[part]).items():
                        if name not in activity:
                            activity[name] = empty_table(sum(kept), values.shape[1], scratch, f"untrained_{name}")
                        activity[name][places[part]] = values
            advance(len(stretch.unit))
    return Along(pictures, activity)


def empty_table(rows: int, columns: int, scratch: Path | None, name: str) -> NDArray[np.float32]:
    """(row, column) float32 to be filled, in memory if it is small, else in a file."""
    if scratch is None or rows * columns * 4 <= _IN_MEMORY:
        return np.empty((rows, columns), np.float32)
    safe = "".join(each if each.isalnum() else "_" for each in name)
    return np.lib.format.open_memmap(scratch / f"{safe}.npy", mode="w+", dtype=np.float32, shape=(rows, columns))


def leading_scores(pictures: NDArray[Any], count: int, seed: int, sample: int = 8_000) -> NDArray[np.float32]:
    """(row, component) the pictures in their first principal components, each of variance 1 over a sample of rows.

    Args:
        pictures: (row, number).
        count: of components at most.
        seed: of the sample.
        sample: rows that the components are found on.
    """
    random = np.random.default_rng(seed)
    chosen = np.sort(random.choice(len(pictures), min(sample, len(pictures)), replace=False))
    rows = pictures[chosen].astype(np.float32)
    mean = rows.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((rows - mean).T, ddof=0).reshape(len(mean), -1))
    keep = np.flatnonzero(values[::-1] > 1e-6 * max(float(values.max()), 1e-30))[:count]
    axes = (vectors[:, ::-1][:, keep] / np.sqrt(values[::-1][keep])).astype(np.float32)
    found = np.empty((len(pictures), len(keep)), np.float32)
    for start in range(0, len(pictures), 4096):
        found[start : start + 4096] = (pictures[start : start + 4096].astype(np.float32) - mean) @ axes
    return found


def _stretches(
    recording: Recording, episodes: Sequence[Span]
) -> Iterator[tuple[Stretch, Sequence[tuple[int, int, int]]]]:
    """Stretches of many episodes side by side; of each part its first row, the row behind its last, its episode."""
    picture = recording.world.picture
    limit = max(64, _BYTES // max(1, int(np.prod(picture.shape)) * np.dtype(picture.dtype).itemsize))
    group: list[tuple[int, int, int]] = []
    rows = 0
    for start, stop in episodes:
        at = start
        while at < stop:
            end = min(stop, at + limit - rows)
            group.append((at, end, start))
            rows += end - at
            at = end
            if rows >= limit:
                yield _read(recording, group), group
                group, rows = [], 0
    if group:
        yield _read(recording, group), group


def _read(recording: Recording, group: Sequence[tuple[int, int, int]]) -> Stretch:
    pixels, units, steps, lanes, place = [], [], [], [], 0
    for start, stop, episode in group:
        pixels.append(recording.rows(start, stop, ("observation",))["observation"].values)
        units.append(np.full(stop - start, episode))
        steps.append(np.arange(start, stop) - episode)
        lanes.append(Lane(place, place + stop - start, episode, start > episode))
        place += stop - start
    return Stretch(np.concatenate(pixels), np.concatenate(units), np.concatenate(steps), tuple(lanes), True)


def _small(pixels: NDArray[Any]) -> NDArray[Any]:
    """(row, height, width, channel) -> (row, number): means over blocks of pixels."""
    height, width = pixels.shape[1:3]
    block = max(1, -(-height // _SMALL[0]), -(-width // _SMALL[1]))
    rows, columns = max(1, height // block), max(1, width // block)
    cut = pixels[:, : rows * block, : columns * block]
    shape = (len(cut), rows, min(block, height), columns, min(block, width), pixels.shape[3])
    means = np.empty((len(cut), rows, columns, pixels.shape[3]), np.float32)
    for start in range(0, len(cut), 256):  # so that no copy of all pixels in another type is held
        block_of = cut[start : start + 256].reshape(-1, *shape[1:])
        means[start : start + 256] = block_of.mean(axis=(2, 4), dtype=np.float32)
    found = means.reshape(len(cut), -1)
    return np.rint(found).astype(np.uint8) if pixels.dtype == np.uint8 else found

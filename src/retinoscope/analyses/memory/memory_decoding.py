"""What is remembered: what every layer tells of what is not in view, and for how long the memory tells more than it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.decisions import left_out
from retinoscope.analyses.declaration import MEMORY, RECORDING, Analysis, Given
from retinoscope.analyses.memory.along_frames import Span, along_frames, empty_table, rows_of, untrained_of
from retinoscope.analyses.memory.memory_decoding_drawings import drawings, panels
from retinoscope.analyses.memory.memory_decoding_result import dataset_of
from retinoscope.analyses.memory.remembered import Past, what_is_remembered
from retinoscope.analyses.memory.tuning import AGENT, UNTRAINED, episodes_of
from retinoscope.analyses.memory.tuning_measured import FOLDS, Pieces
from retinoscope.analyses.recorded import clock_attributes, require_same
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import nearest, parameters, setting, stated, with_settings
from retinoscope.statistics.held_out_decoding import Errors, Reduced, Target, read_out, regression
from retinoscope.statistics.tuning import rotation

if TYPE_CHECKING:
    from retinoscope.agents.agent import Agent
    from retinoscope.rollouts import Recording

FRAME, PRESENT, BOTH = "frame", "present", "present and memory"
_RESAMPLES = 500
_PER_FEATURE = 2  # samples for each feature of the widest read-out, below which it would fit nothing but noise


@parameters("memory decoding")
class MemoryDecodingParameters:
    """Parameters of `memory_decoding`."""

    targets: tuple[str, ...] | None = setting(None, "what is decoded, by name; none for all there is", fewest=1)
    delays: tuple[int, ...] = setting(
        (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64), "delays at which it is decoded", units="decisions", fewest=1
    )
    reach: float = setting(
        0.5,
        "an object is the same from one decision to the next if its distance changes by no more than this share of it",
        above=0,
    )
    components: int = setting(32, "principal components that a layer, or the frame, is reduced to, at most", least=1)
    samples: int = setting(3_000, "number of samples of each target at each delay, at most, drawn at random", least=20)
    fewest: int = setting(
        20,
        "a delay with fewer samples of a class, or of a number, is left out; also one with fewer than two "
        "samples for each feature",
        units="samples",
        least=2,
    )
    shifts: int = setting(
        39, "number of shifts of the memory against everything else, within episodes, for the level of chance", least=1
    )
    level: float = setting(
        0.05, "family-wise error rate over the delays of a target at which the memory adds something", above=0, below=1
    )
    decisions: int = setting(
        200_000, "number of decisions that are used, at most: whole episodes, spread over the recording", least=1
    )
    untrained: bool = setting(
        True, "also decode from an untrained network along the same frames, if the agent is at hand"
    )
    burn_in_steps: int | None = setting(
        None, "left out at the start of every episode; none for what `burn_in` finds", units="decisions", least=0
    )
    seed: int = setting(0, "seed of everything drawn at random", least=0)


@dataclass(frozen=True)
class _Network:
    """Features of one network.

    Attributes:
        sources: by name, the features that are read side by side.
        memory: how many of those of `BOTH` are the memory's, from the end.
    """

    sources: Mapping[str, tuple[Reduced, ...]]
    memory: int


def memory_decoding(
    recording: Recording,
    *,
    agent: Agent | None = None,
    given: Given | None = None,
    parameters: MemoryDecodingParameters | None = None,
    cache: Path | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Decode what is not in view, or no longer, or not yet, from every layer, by how long ago it was.

    Asked for is: class, sign, bearing and distance of the last object that left the view (the nearest one in view, of
    whose class none is about as far away at the next decision; not one that something happened to); the last event, and
    whether there was one; how quantities of the world have changed; in worlds that list no objects what their numbers
    were, and will be; the actions to come. What the memory adds is the score of frame, encoder and memory side by side
    less that of frame and encoder, either of them at least what chance gives.
    Chance: the memory shifted within episodes against all else; see
    `statistics/held_out_decoding.py`.

    Args:
        recording: what the agent saw, computed and did.
        agent: who was recorded; needed for the untrained network.
        given: the Result of `burn_in`, if it is at hand.
        parameters: see `MemoryDecodingParameters`; single ones may be given by name instead.
        cache: a folder for what is large; None for one of the system's, for the while.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `MemoryDecodingParameters` that replace those of `parameters`.

    Returns:
        A Result over `network` (agent, and untrained if there is one), `source` (frame, layers, `present`: frame and
        encoder, `present and memory`), `target` and `delay` (decisions): `score`, balanced accuracy of classes, share
        of variance explained of numbers, held out by episode; `by_chance` (target); `samples` (target, delay); `added`,
        `added_low`, `added_high` (network, target, delay), what the memory adds with 95% bootstrap interval over
        episodes; `added_chance` (target, delay), what a shifted memory adds, the mean over shifts, with `_low` and
        `_high`, the 5th and 95th percentile, and `p` of the agent; `lasts`, `half_life` (target), decisions: NaN where
        the memory adds nothing, inf where half of it never goes. `correlation` (target, delay, unit) of single units of
        the memory with numbers and pairs of classes, and `direction` (target, unit), along which they are read out of
        the memory at the first delay, 1 / activity. Attribute `targets`: JSON.

    Raises:
        UserError: a parameter is wrong, or agent and recording do not belong together.
        NotMeasurable: nothing that could be remembered happens often enough, or there is no episode long enough.
    """
    chosen = with_settings(parameters or MemoryDecodingParameters(), settings)
    if agent is not None:
        require_same(recording, agent)
    delays = sorted(set(chosen.delays))
    if delays[0] < 1:
        raise UserError(f"memory decoding: delays has {delays[0]}; give numbers of decisions from 1 on")
    start = left_out(recording, None, chosen.burn_in_steps, agent=agent, given=given)
    episodes = episodes_of(recording, chosen.decisions, start.steps)
    spans = [(first + start.steps, stop) for first, stop in episodes]
    pieces = Pieces.of([stop - first for first, stop in spans])
    targets = _targets(recording, spans, delays, chosen)
    reference = untrained_of(agent, chosen.untrained, chosen.seed)
    layers = {str(name): int(count) for name, count in recording.attributes["layers"].items()}
    with tempfile.TemporaryDirectory(dir=cache, prefix=".memory-") as folder:
        scratch = Path(folder)
        along = along_frames(recording, episodes, start.steps, reference.policy, list(layers), scratch, progress)
        own = _recorded(recording, spans, layers, scratch)
        frame = None if along.pictures is None else Reduced.of(along.pictures, pieces.fold, chosen.components)
        networks = {AGENT: _network(recording, own, frame, pieces, chosen)}
        if along.activity:
            networks[UNTRAINED] = _network(recording, along.activity, frame, pieces, chosen)
        data = _decoded(recording, networks, targets, delays, pieces, chosen, progress)
        data = data.assign(_of_units(own, recording, targets, delays, chosen))
    rows = pieces.episodes[-1][1]
    data.attrs |= clock_attributes(recording.world.clock)
    data.attrs["caption"] = _caption(rows, pieces, start.rule, chosen)
    if reference.words and (along.activity or reference.policy is None):
        data.attrs["caption"] += f" {reference.words}"
    settled = stated(chosen) | {"burn_in_steps": start.steps, "memory": list(recording.layers_of("memory"))}
    return Result("memory_decoding", data, settled, provenance(recording=recording))


def _targets(
    recording: Recording, spans: list[Span], delays: list[int], chosen: MemoryDecodingParameters
) -> list[Past]:
    """What is asked for, classes that are too rare at the first delay left out."""
    found = what_is_remembered(recording, spans, delays, chosen.reach, chosen.samples, chosen.seed)
    if chosen.targets is not None:
        known = {each.name: each for each in found}
        for name in chosen.targets:
            if name not in known:
                raise UserError(f"target {name!r}: unknown in this recording; {nearest(name, known)}")
        found = [known[name] for name in chosen.targets]
    kept = [each for past in found if (each := _frequent(past, delays[0], chosen.fewest)) is not None]
    if not kept:
        raise NotMeasurable(
            f"{recording.path}: nothing that could be remembered happens {chosen.fewest} times in "
            f"{sum(stop - first for first, stop in spans):,} decisions; record more"
        )
    return kept


def _frequent(past: Past, first: int, fewest: int) -> Past | None:
    here = past.delays == first
    if not past.classes:
        return past if here.sum() >= fewest else None
    is_kept = np.bincount(past.values[here], minlength=len(past.classes)) >= fewest
    if is_kept.sum() < 2:
        return None
    rows = is_kept[past.values]
    names = tuple(name for name, each in zip(past.classes, is_kept, strict=True) if each)
    values = (np.cumsum(is_kept) - 1)[past.values[rows]]
    return Past(past.name, past.about, names, past.units, past.rows[rows], past.delays[rows], values, past.is_to_come)


def _recorded(
    recording: Recording, spans: list[Span], layers: Mapping[str, int], scratch: Path
) -> dict[str, NDArray[np.float32]]:
    total = sum(stop - first for first, stop in spans)
    found = {name: empty_table(total, units, scratch, f"agent_{name}") for name, units in layers.items()}
    for place, read in rows_of(recording, spans, list(layers)):
        for name, values in found.items():
            values[place] = read[name]
    return found


def _network(
    recording: Recording,
    activity: Mapping[str, NDArray[np.float32]],
    frame: Reduced | None,
    pieces: Pieces,
    chosen: MemoryDecodingParameters,
) -> _Network:
    """Features of the layers; layers behind the memory are read too, but are no part of what is compared."""
    reduced = {name: Reduced.of(each, pieces.fold, chosen.components) for name, each in activity.items()}
    memory = [name for name in recording.layers_of("memory") if name in reduced]
    before = [name for name in recording.layers_of("encoder stage", "encoder output") if name in reduced]
    present = (*([] if frame is None else [frame]), *(reduced[name] for name in before))
    sources: dict[str, tuple[Reduced, ...]] = {} if frame is None else {FRAME: (frame,)}
    sources |= {name: (each,) for name, each in reduced.items()}
    if present:
        sources[PRESENT] = present
    sources[BOTH] = (*present, *(reduced[name] for name in memory))
    return _Network(sources, len(memory))


def _decoded(
    recording: Recording,
    networks: Mapping[str, _Network],
    targets: Sequence[Past],
    delays: list[int],
    pieces: Pieces,
    chosen: MemoryDecodingParameters,
    progress: bool,
) -> xarray.Dataset:
    sources = list(networks[AGENT].sources)
    shape = (len(targets), len(delays))
    score = np.full((len(networks), len(sources), *shape), np.nan)
    added, low, high = (np.full((len(networks), *shape), np.nan) for _ in range(3))
    shifted = np.full((len(targets), chosen.shifts, len(delays)), np.nan)
    samples = np.zeros(shape, np.int64)
    lengths = [stop - first for first, stop in pieces.episodes]
    episode = np.repeat(np.arange(len(lengths)), lengths)
    weights = np.random.default_rng(chosen.seed).multinomial(
        len(lengths), np.full(len(lengths), 1 / len(lengths)), size=_RESAMPLES
    )
    rotations = [rotation(pieces.episodes, np.random.default_rng([chosen.seed, n])) for n in range(chosen.shifts)]
    with progress_bar("decoding", len(targets) * len(delays), progress) as advance:
        for number, past in enumerate(targets):
            for place, delay in enumerate(delays):
                target = past.at(delay, chosen.samples, chosen.seed)
                samples[number, place] = len(target.rows)
                features_read = sum(each.scores[0].shape[1] for each in networks[AGENT].sources[BOTH])
                if not _is_enough(target, pieces.fold, chosen.fewest, _PER_FEATURE * features_read):
                    advance(1)
                    continue
                for network, (name, features) in enumerate(networks.items()):
                    errors = {
                        source: read_out(target, each, pieces.fold, episode)
                        for source, each in features.sources.items()
                    }
                    for source, each in errors.items():
                        score[network, sources.index(source), number, place] = each.score()[0]
                    gained = _gain(errors[BOTH], errors.get(PRESENT), target)
                    added[network, number, place] = gained()[0]
                    if len(lengths) > 1:
                        drawn = gained(weights)
                        low[network, number, place], high[network, number, place] = np.nanquantile(
                            drawn, (0.025, 0.975)
                        )
                    if name == AGENT:
                        both = features.sources[BOTH]
                        still = len(both) - features.memory
                        for shift, moved in enumerate(rotations):
                            rows = [None] * still + [moved] * features.memory
                            by_chance = read_out(target, both, pieces.fold, episode, rows)
                            shifted[number, shift, place] = _gain(by_chance, errors.get(PRESENT), target)()[0]
                advance(1)
    return dataset_of(list(networks), sources, targets, delays, score, added, low, high, shifted, samples, chosen.level)


def _gain(both: Errors, present: Errors | None, target: Target) -> Any:
    """What the memory adds, as a function of the weights of episodes; what is worse than chance counts as chance."""
    chance = _chance_of(target)

    def gained(weights: NDArray | None = None) -> NDArray[np.float64]:
        # Else a memory would add something where frame and encoder mislead, and nobody can tell anything.
        without = chance if present is None else np.maximum(present.score(weights), chance)
        return np.asarray(np.maximum(both.score(weights), chance) - without)

    return gained


def _chance_of(target: Target) -> float:
    return 1 / target.classes if target.classes else 0.0


def _is_enough(target: Target, folds: NDArray[np.integer], fewest: int, in_all: int) -> bool:
    """Enough samples of each class, or of the number, and in all, in more than one fold."""
    if len(target.rows) < in_all or len(np.unique(folds[target.rows])) < 2:
        return False
    if target.classes:
        return bool(np.bincount(target.values, minlength=target.classes).min() >= fewest)
    return len(target.rows) >= fewest and float(np.ptp(target.values)) > 0


def _of_units(
    activity: Mapping[str, NDArray[np.float32]],
    recording: Recording,
    targets: Sequence[Past],
    delays: list[int],
    chosen: MemoryDecodingParameters,
) -> dict[str, Any]:
    """What single units of the first memory go with, and the directions along which numbers are read out of it."""
    layer = recording.layers_of("memory")[0]
    states = activity[layer]
    correlation = np.full((len(targets), len(delays), states.shape[1]), np.nan)
    direction = np.full((len(targets), states.shape[1]), np.nan)
    for number, past in enumerate(targets):
        if len(past.classes) > 2:
            continue
        for place, delay in enumerate(delays):
            target = past.at(delay, chosen.samples, chosen.seed)
            if len(target.rows) < chosen.fewest or np.ptp(target.values) == 0:
                continue
            x, y = states[target.rows].astype(np.float64), target.values.astype(np.float64)
            x, y = x - x.mean(axis=0), y - y.mean()
            with np.errstate(divide="ignore", invalid="ignore"):
                correlation[number, place] = (y @ x) / np.sqrt((y @ y) * (x**2).sum(axis=0))
            if place == 0:
                spread = x.std(axis=0)
                scale = np.where(spread > 0, spread, 1.0)
                direction[number] = regression(x / scale, y)[0] / scale
    return {
        "correlation": (("target", "delay", "memory_unit"), correlation, {"units": "1"}),
        "direction": (("target", "memory_unit"), direction, {"units": "1 / activity"}),
    }


def _caption(rows: int, pieces: Pieces, rule: str, chosen: MemoryDecodingParameters) -> str:
    episodes = len(pieces.episodes)
    of = "episodes" if pieces.are_episodes else "parts of episodes"
    return (
        f"n = {rows:,} decisions of {episodes} episode{'s' if episodes != 1 else ''}; {rule}. Read out by linear "
        f"discriminant (classes: balanced accuracy) or ridge regression (numbers: share of variance explained) of at "
        f"most {chosen.components} principal components of each layer and of the frame, at most {chosen.samples:,} "
        f"samples at each delay, {FOLDS} folds of {of}. Added by the memory: frame, encoder and memory, less frame and "
        "encoder, where what is worse than chance counts as chance; 95% bootstrap interval over episodes. Chance: the "
        f"memory shifted {chosen.shifts} times within episodes; lasting: p ≤ {chosen.level:g} from the first delay on, "
        "family-wise over delays."
    )


ANALYSIS = Analysis(
    name="memory_decoding",
    title="What is remembered",
    group="memory",
    summary="What can be decoded of things out of view, by how long ago they were, and what the memory adds.",
    run=memory_decoding,
    parameters=MemoryDecodingParameters,
    of="recording",
    needs=(RECORDING, MEMORY),
    builds_on=("burn_in",),
    draw=drawings,
    explore=panels,
    rank=70,
    methods="""
        What is remembered was measured by reading {{ labels.target | listed }} out of the frame and of each layer, at
        {{ sizes.delay }} delays, by linear discriminants (balanced accuracy) or ridge regression (share of variance)
        of at most {{ components }} principal components [@hastie2009], in episodes that the read-outs were not fitted
        to, with at most {{ samples }} samples at each delay. What the memory ({{ memory | listed }}) adds is the score
        of frame, encoder and memory together less that of frame and encoder (scores below chance count as chance);
        intervals are {{ interval }}% bootstrap intervals over episodes. Chance was measured by shifting the memory {{
        shifts }} times within episodes; the memory holds something up to the last delay of the unbroken run from the
        first on at which it adds more than chance, at a family-wise error rate of {{ level }} over delays (maximum
        statistic, [@westfall1993]). Networks: {{ labels.network | listed }} (seed {{ seed }}).
    """,
)

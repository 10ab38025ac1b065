"""Attribution during behaviour: which pixels move the value and each action, over an episode and back through time.

The maps of one method over a window of an episode, each target with one scale; how they pass the randomisation of
parameters, so that the verdict can stand in every caption; and how far back through the recurrent core the gradient of
a target reaches.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.attribution.attribution_frames import (
    each_in_a_process,
    evenly_spaced,
    frames_of,
    in_parts,
    part_of,
)
from retinoscope.analyses.attribution.attribution_summary import MAPS, is_passed, similarity, strength, worst_stage
from retinoscope.analyses.attribution.attribution_wording import badge, stretch_caption
from retinoscope.analyses.recorded import require_same
from retinoscope.attribution.attribute import attribute_through_time
from retinoscope.attribution.measures import Frames, Task, answers, signed_maps, similarities
from retinoscope.attribution.parameters import known_method, settle
from retinoscope.attribution.randomisation import stages
from retinoscope.attribution.targets import TargetLike, default_targets, parse_target
from retinoscope.errors import UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import with_settings
from retinoscope.statistics.bootstrap import bootstrap_interval, ratio_of_sums

if TYPE_CHECKING:
    from retinoscope.rollouts import Episode, Recording
    from retinoscope.scenarios import ArenaArchive

CLIPPED = 0.001
"""Share of the pixels that lie beyond the scale of a movie."""

_FRAMES_PER_TASK = 16
_TIMES_PER_STRETCH = 6  # of those at which attribution through time is measured


@dataclass(frozen=True)
class EpisodeAttributionParameters:
    """Parameters of `attribution`.

    Attributes:
        method: of the maps, see `attribution.attribute`.
        episode: index in `Recording.episodes`; None for the longest complete one, or the longest if none is complete.
        start: first decision of the episode.
        stop: decision behind the last; None for the end of the episode.
        most_decisions: the window ends after so many even so; None for no limit.
        steps, samples, noise_sigma, window, stride: of the method, see `AttributionParameters`.
        lag_steps: how far back through the recurrent core gradients are followed; there they are truncated.
        times: decisions at which this is measured.
        checked_frames: frames of the window on which the method is checked by randomising parameters.
        threshold: with a mean |rank correlation| so much above chance it still passes.
        seed: of noise and of random parameters.
    """

    method: str = "integrated_gradients"
    episode: int | None = None
    start: int = 0
    stop: int | None = None
    most_decisions: int | None = None
    steps: int = 16
    samples: int = 16
    noise_sigma: float = 25.5
    window: int = 10
    stride: int = 5
    lag_steps: int = 12
    times: int = 60
    checked_frames: int = 40
    threshold: float = 0.2
    seed: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        """Of the method."""
        return {name: getattr(self, name) for name in ("steps", "samples", "noise_sigma", "window", "stride", "seed")}


def attribution(
    agent: Agent,
    recording: Recording,
    arena: ArenaArchive | None = None,
    parameters: EpisodeAttributionParameters | None = None,
    *,
    targets: Sequence[TargetLike] | None = None,
    workers: int | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Attribute the value and the probabilities of all actions over a window of a recorded episode.

    Args:
        agent: whose maps.
        recording: made with it.
        arena: where it was made; None for the arena the agent was trained in.
        parameters: see `EpisodeAttributionParameters`; single ones may be given by name instead, `method="gradient"`.
        targets: as for `attribution.attribute`; None for the value and the probability of every action.
        workers: processes; None for one per core.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `EpisodeAttributionParameters` that replace those of `parameters`.

    Returns:
        A Result with `observation` (time, height, width, channel) uint8; `map` (target, time, height, width), summed
        over colours; `answer` (target, time), the target itself; `scale` (target), that all but one in a thousand
        pixels of its maps stay within; `strength`, `strength_chance`, `passed` (target), see `attribution_checks`, at
        the worst of the stages that are judged, and `absolute_similarity` there; `checked_frames`, those of the frames
        looked at in which there was something to see; `gradient_strength` and its kin, the
        same of the plain gradient; `lag_share` (target, lag, statistic), the
        share of the absolute gradient that falls on the observation so many steps back, with a 95% bootstrap interval
        over stretches; `lag_observation`, `lag_map` (lag, height, width): an example of that for the first target.

    Raises:
        UserError: a parameter, method or target is unknown; the window or the lags do not fit into the episode; the
            recording was made by another agent; or as `views_again`.
    """
    from retinoscope.rollouts.arenas import arena_of

    chosen = with_settings(parameters or EpisodeAttributionParameters(), settings, "attribution")
    settle(chosen.settings)
    method = known_method(chosen.method)
    require_same(recording, agent)
    policy = agent.policy
    wanted = tuple(parse_target(policy, each) for each in targets or default_targets(policy))
    episode, rows = _window(recording, chosen)
    frames = frames_of(recording, arena or arena_of(agent), rows.tolist())
    task = Task(policy, wanted, (method,), chosen.settings, chosen.seed)
    work = [(task, part) for part in in_parts(frames, _FRAMES_PER_TASK)]
    maps = list(each_in_a_process(signed_maps, work, policy, workers, "parts attributed", progress))
    data = _dataset(task, frames, np.concatenate(maps, axis=1), recording)
    checked = _check(task, frames, chosen, workers, progress)
    past = _through_time(agent, task, frames, chosen)
    data = data.merge(checked).merge(past)
    data.attrs |= past.attrs  # merging leaves those of all but the first behind
    data.attrs |= {
        "method": method,
        "agent": agent.name,
        "episode": episode.index,
        "is_complete": int(episode.terminated or episode.truncated),
        "first_step": chosen.start,
        "decisions_per_second": recording.attributes["tics_per_second"] / recording.attributes["frame_skip"],
        "lag_steps": chosen.lag_steps,
    }
    for name in data["target"].values:
        for words, prefix in (("badge", ""), ("gradient badge", "gradient_")):
            data.attrs[f"{words} {name}"] = badge(data.sel(target=name), prefix, chosen.threshold, stages(policy))
    data.attrs["caption"] = stretch_caption(data, chosen.settings)
    stated = dataclasses.asdict(chosen) | {
        "episode": episode.index,
        "stop": int(rows[-1] + 1 - episode.start),
        "targets": [each.name for each in wanted],
    }
    return Result("attribution", data, stated, provenance(recording=recording))


def _window(recording: Recording, parameters: EpisodeAttributionParameters) -> tuple[Episode, NDArray[np.int64]]:
    """The episode and the rows wanted of it."""
    episodes = recording.episodes
    if parameters.episode is None:
        episode = max(episodes, key=lambda each: (each.terminated or each.truncated, each.stop - each.start))
    elif 0 <= parameters.episode < len(episodes):
        episode = episodes[parameters.episode]
    else:
        raise UserError(f"episode {parameters.episode}: {recording.path} has episodes 0 to {len(episodes) - 1}")
    length = episode.stop - episode.start
    stop = length if parameters.stop is None else parameters.stop
    if parameters.most_decisions is not None:
        stop = min(stop, parameters.start + parameters.most_decisions)
    if not 0 <= parameters.start < stop <= length:
        raise UserError(
            f"window {parameters.start} to {stop}: episode {episode.index} has decisions 0 to {length}; choose among "
            "these"
        )
    if not 0 <= parameters.lag_steps < stop - parameters.start:
        raise UserError(
            f"lag_steps: {parameters.lag_steps} steps back do not fit into a window of {stop - parameters.start} "
            f"decisions; give 0 to {stop - parameters.start - 1}"
        )
    return episode, np.arange(episode.start + parameters.start, episode.start + stop)


def _dataset(task: Task, frames: Frames, maps: NDArray[np.floating], recording: Recording) -> xarray.Dataset:
    rows = recording.rows(int(frames.rows[0]), int(frames.rows[-1]) + 1, ("value",))
    scales = [np.quantile(each[each != 0], 1 - CLIPPED) if each.any() else 0.0 for each in np.abs(maps)]
    data = xarray.Dataset(
        {
            "observation": (("time", "height", "width", "channel"), frames.observations, {"units": "0-255"}),
            "map": (("target", "time", "height", "width"), maps.astype(np.float32), {"units": _units(task)}),
            "answer": (("target", "time"), answers(task, frames).T.astype(np.float32)),
            "scale": ("target", np.array(scales, np.float32)),
            "target_units": ("target", [each.units for each in task.targets]),
        },
        coords={
            "target": [each.name for each in task.targets],
            "step": ("time", rows["step"].values, {"units": "decisions"}),
        },
    )
    data["map"].encoding = {"zlib": True, "complevel": 1}  # most of a map may be zero
    return data


def _units(task: Task) -> str:
    """Of a map; braces stand for the units of its target."""
    return "{} per pixel unit" if task.methods[0] in ("gradient", "guided_backprop", "smoothgrad") else "{}"


def _check(
    task: Task, frames: Frames, parameters: EpisodeAttributionParameters, workers: int | None, progress: bool
) -> xarray.Dataset:
    chosen = part_of(frames, evenly_spaced(0, len(frames.rows), parameters.checked_frames))
    parts = in_parts(chosen, max(1, len(chosen.rows) // 4))
    # Each part with random parameters of its own. The gradient is what is followed through time.
    task = dataclasses.replace(task, methods=tuple(dict.fromkeys((*task.methods, "gradient"))))
    work = [(dataclasses.replace(task, seed=task.seed + number), part) for number, part in enumerate(parts)]
    measured = list(each_in_a_process(similarities, work, task.policy, workers, "parts checked", progress))
    layers = stages(task.policy)
    absolute = similarity(measured)[0][..., MAPS.index("absolute"), 0]
    values, chance = strength(measured)
    excess = values[..., 0] - chance
    passed, worst = is_passed(excess, layers, parameters.threshold), worst_stage(excess, layers)
    each = np.arange(len(task.targets))
    variables: dict[str, Any] = {}
    for prefix, number in (("", 0), ("gradient_", -1)):
        at = worst[number, :-1]
        variables |= {
            f"{prefix}strength": ("target", values[number, at, each, 0], {"units": "rho"}),
            f"{prefix}strength_chance": ("target", chance[number, at, each], {"units": "rho"}),
            f"{prefix}absolute_similarity": ("target", absolute[number, at, each], {"units": "rho"}),
            f"{prefix}passed": ("target", passed[number, :-1]),
            # Methods with a baseline have no map where there is nothing to see.
            f"{prefix}checked_frames": sum(int(np.isfinite(part["signed"][number, 0, 0]).sum()) for part in measured),
        }
    return xarray.Dataset(variables)


def _through_time(agent: Agent, task: Task, frames: Frames, parameters: EpisodeAttributionParameters) -> xarray.Dataset:
    lags = parameters.lag_steps
    at = evenly_spaced(lags, len(frames.rows), parameters.times)
    stretch = np.arange(len(at)) // _TIMES_PER_STRETCH
    shares, example = [], (0, np.empty(0))
    for number, target in enumerate(task.targets):
        maps = attribute_through_time(
            agent.policy, frames.observations, frames.states[0], target, lags, "gradient", at=at.tolist()
        ).sum(axis=-1)
        mass = np.abs(maps).sum(axis=(2, 3), dtype=np.float64)
        shares.append([_share(mass[:, lag], mass.sum(axis=1), stretch) for lag in range(lags + 1)])
        if number == 0:
            latest = int((mass[:, 1:].sum(axis=1) / np.maximum(mass.sum(axis=1), 1e-30)).argmax()) if lags else 0
            example = (int(at[latest]), maps[latest])
    when, maps = example
    return xarray.Dataset(
        {
            "lag_share": (
                ("target", "lag", "statistic"),
                np.array(shares),
                {"units": "share of the absolute gradient"},
            ),
            "lag_map": (("lag", "height", "width"), maps),
            "lag_observation": (("lag", "height", "width", "channel"), frames.observations[when - np.arange(lags + 1)]),
        },
        coords={
            "lag": ("lag", np.arange(lags + 1), {"units": "decisions before"}),
            "statistic": ["estimate", "low", "high"],
        },
        attrs={"lag_example": int(when), "lag_times": len(at), "lag_stretches": int(stretch[-1]) + 1},
    )


def _share(mass: NDArray[np.float64], total: NDArray[np.float64], stretch: NDArray[np.int64]) -> tuple[float, ...]:
    sums = np.stack([np.bincount(stretch, mass), np.bincount(stretch, total)], axis=1)
    if len(sums) < 2 or not total.any():
        return (float("nan"),) * 3
    return tuple(bootstrap_interval(sums, ratio_of_sums))

"""Attribution during behaviour: which pixels move the value and each action, over an episode and back through time.

The maps of one method over a window of an episode, each target with one scale; how they pass the randomisation of
parameters, so that the verdict can stand in every caption; and how far back through the recurrent core the gradient of
a target reaches.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.attribution.attribution_frames import (
    BASELINES,
    Baseline,
    Compared,
    Work,
    each_in_a_process,
    evenly_spaced,
    frames_of,
    in_parts,
    part_of,
    refuse_targets,
)
from retinoscope.analyses.attribution.attribution_panels import panels
from retinoscope.analyses.attribution.attribution_verdicts import (
    MAPS,
    STATISTICS,
    Measured,
    is_passed,
    similarity,
    strength,
    worst_stage,
)
from retinoscope.analyses.declaration import AGENT, FRAMES, RECORDING, Analysis
from retinoscope.analyses.drawing import SPEED, Drawing, FigureDrawing, MovieDrawing, TextDrawing
from retinoscope.analyses.recorded import (
    movie_attributes,
    picture_attribute,
    picture_sentence,
    require_agent,
    require_same,
)
from retinoscope.attribution.checks import has_gradient
from retinoscope.attribution.measures import Frames, Task, answers, past, signed_maps, similarities
from retinoscope.attribution.parameters import WITH_BASELINE, AttributionMethod, settle
from retinoscope.attribution.perturbation import discs
from retinoscope.attribution.randomisation import first_judged, stages
from retinoscope.attribution.targets import Targets, default_targets, parse_target
from retinoscope.errors import UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.attribution_checks import shares

if TYPE_CHECKING:
    from retinoscope.rollouts import Episode, Recording
    from retinoscope.worlds.choosing import WorldLike
    from retinoscope.worlds.declaration import Declaration

CLIPPED = 0.001
"""Share of the pixels that lie beyond the scale of a movie."""

METHOD_NAMES = {
    "gradient": "gradient",
    "gradient_x_input": "gradient × (input − baseline)",
    "guided_backprop": "guided backpropagation",
    "integrated_gradients": "integrated gradients",
    "smoothgrad": "SmoothGrad",
    "occlusion": "occlusion",
    "perturbation": "perturbation",
}
"""What people call the methods."""

_OF_METHOD = ("steps", "samples", "noise_sigma", "window", "stride", "disc_sigma", "disc_spacing", "seed")
_LAG_STEPS = 12
_FRAMES_PER_TASK = 16
_TIMES_PER_STRETCH = 6  # of those at which attribution through time is measured


@parameters("episode attribution")
class EpisodeAttributionParameters:
    """Parameters of `episode_attribution`."""

    method: AttributionMethod = setting("integrated_gradients", "method of attribution, see `attribution.attribute`")
    targets: Targets = setting(
        None, "what the maps explain; none for the value and the probability of every action", fewest=1
    )
    episode: int | None = setting(
        None,
        "its number, counted from 0; none for the longest complete one, or the longest if none is complete",
        least=0,
    )
    start: int = setting(0, "first decision of the episode", units="decisions", least=0)
    stop: int | None = setting(None, "decision after the last; none for the end of the episode", units="decisions")
    most_decisions: int | None = setting(
        1000,
        "number of decisions after which the window ends in any case; none for no limit",
        units="decisions",
        least=1,
    )
    baseline: Baseline | None = setting(None, BASELINES)
    steps: int = setting(16, "steps of integrated gradients", least=1)
    samples: int = setting(16, "samples of SmoothGrad", least=1)
    noise_sigma: float = setting(25.5, "standard deviation of SmoothGrad's noise", units="pixel units", above=0)
    window: int = setting(10, "side of the squares of occlusion", units="pixels", least=1)
    stride: int = setting(5, "distance between neighbouring squares, at most their side", units="pixels", least=1)
    disc_sigma: float | None = setting(
        None,
        "standard deviation of the discs of perturbation saliency; none for a sixteenth of the shorter side",
        units="pixels",
        above=0,
    )
    disc_spacing: int | None = setting(
        None, "distance between neighbouring discs; none for a sixteenth of the shorter side", units="pixels", least=1
    )
    lag_steps: int | None = setting(
        None,
        "how far back through the recurrent core gradients are followed; there they are truncated. None for 12, or as "
        "many as the window has; for 0 without a recurrent core",
        units="decisions",
        least=0,
    )
    times: int = setting(60, "number of decisions at which the reach back in time is measured", least=1)
    checked_frames: int = setting(
        40, "frames of the window on which the method is checked by randomising parameters", least=2
    )
    threshold: float = setting(
        0.2,
        "mean |rank correlation| above chance up to which the method passes the randomisation of parameters",
        above=0,
        below=1,
    )
    seed: int = setting(0, "seed of noise and of random parameters", least=0)
    workers: int | None = setting(None, "processes; none for one per core", least=1)

    @pydantic.model_validator(mode="after")
    def _squares_touch(self) -> EpisodeAttributionParameters:
        settle(self.settings)
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """Of the method."""
        return {name: getattr(self, name) for name in _OF_METHOD}


def episode_attribution(
    recording: Recording,
    *,
    agent: Agent,
    world: WorldLike | None = None,
    parameters: EpisodeAttributionParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Attribute the value and all actions over a window of a recorded episode.

    Args:
        recording: made with the agent.
        agent: whose maps.
        world: where it was made; None for the world the agent was trained in, if that is where.
        parameters: see `EpisodeAttributionParameters`; single ones may be given by name instead, `method="gradient"`.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `EpisodeAttributionParameters` that replace those of `parameters`.

    Returns:
        A Result with `observation` (time, height, width, channel) uint8, `row` (time) of the recording; `map` (target,
        time, height, width), summed over colours; `answer` (target, time), the target itself; `scale` (target), that
        all but one in a thousand pixels of its maps stay within; `strength`, `strength_chance`, `passed` (target), see
        `attribution_checks`, at the worst of the stages that are judged, and `absolute_similarity` there;
        `checked_frames`, those of the frames looked at in which there was something to see. Where gradients are
        followed through a memory: `gradient_strength` and its kin, the same of the plain gradient; `lag_share` (target,
        lag, statistic), the share of the absolute gradient that falls on the observation so many steps back, with a 95%
        bootstrap interval over stretches; `lag_observation`, `lag_map` (lag, height, width): an example of that for the
        first target.

    Raises:
        UserError: a parameter, method or target is unknown; the window or the lags do not fit into the episode; the
            recording was made by another agent.
        NotMeasurable: as `frames_of`.
    """
    chosen = with_settings(parameters or EpisodeAttributionParameters(), settings)
    require_agent(agent, "episode attribution")
    require_same(recording, agent)
    policy = agent.policy
    wanted = tuple(parse_target(policy, each) for each in chosen.targets or default_targets(policy))
    episode, rows = _window(recording, chosen)
    reach = _LAG_STEPS if policy.state_size else 0
    lags = min(reach, len(rows) - 1) if chosen.lag_steps is None else chosen.lag_steps
    compared = frames_of(recording, agent, world, rows.tolist(), chosen.baseline)
    frames = compared.frames
    task = Task(policy, wanted, (chosen.method,), chosen.settings, chosen.seed)
    at = evenly_spaced(lags, len(rows), chosen.times)
    is_followed = lags > 0 and has_gradient(policy)
    checks, pasts, maps = (
        _checks(task, frames, chosen.checked_frames, is_followed),
        _pasts(task, frames, at, lags) if is_followed else [],
        _maps(task, frames),
    )
    # What takes longest first, so that no process is left with it at the end.
    work = each_in_a_process([*checks, *pasts, *maps], policy, chosen.workers, "parts attributed", progress)
    prefixes = {"": "badge", "gradient_": "gradient badge"} if is_followed else {"": "badge"}
    verdicts = _verdicts(task, list(itertools.islice(work, len(checks))), chosen.threshold, prefixes)
    followed = list(itertools.islice(work, len(pasts)))
    data = _dataset(task, frames, np.concatenate(list(work), axis=1), recording).merge(verdicts)
    if is_followed:
        through_time = _through_time(frames, at, lags, followed)
        data = data.merge(through_time)
        data.attrs |= through_time.attrs  # merging leaves those of all but the first behind
    data.attrs |= {
        "method": chosen.method,
        "episode": episode.index,
        "is_complete": int(episode.terminated or episode.truncated),
        "first_step": chosen.start,
        "picture": picture_attribute(recording.world),
        "lag_steps": lags,
        **movie_attributes(recording.world.clock),
    }
    judged = stages(policy)[first_judged(policy)]
    for name in data["target"].values:
        for prefix, words in prefixes.items():
            data.attrs[f"{words} {name}"] = _badge(data.sel(target=name), prefix, chosen.threshold, judged)
    data.attrs["caption"] = _caption(data, chosen.settings, compared, recording.world)
    said = stated(chosen) | {
        "episode": episode.index,
        "stop": int(rows[-1] + 1 - episode.start),
        "lag_steps": lags,
        "targets": [each.name for each in wanted],
    }
    return Result("episode_attribution", data, said, provenance(agent=agent, recording=recording))


def _window(recording: Recording, chosen: EpisodeAttributionParameters) -> tuple[Episode, NDArray[np.int64]]:
    """The episode and the rows wanted of it."""
    episodes = recording.episodes
    if chosen.episode is None:
        episode = max(episodes, key=lambda each: (each.terminated or each.truncated, each.stop - each.start))
    elif chosen.episode < len(episodes):
        episode = episodes[chosen.episode]
    else:
        raise UserError(f"episode {chosen.episode}: {recording.path} has episodes 0 to {len(episodes) - 1}")
    length = episode.stop - episode.start
    stop = length if chosen.stop is None else chosen.stop
    if chosen.most_decisions is not None:
        stop = min(stop, chosen.start + chosen.most_decisions)
    if not chosen.start < stop <= length:
        raise UserError(
            f"window {chosen.start} to {stop}: episode {episode.index} has decisions 0 to {length}; choose among these"
        )
    if chosen.lag_steps is not None and chosen.lag_steps >= stop - chosen.start:
        raise UserError(
            f"lag_steps: {chosen.lag_steps} steps back do not fit into a window of {stop - chosen.start} "
            f"decisions; give 0 to {stop - chosen.start - 1}"
        )
    return episode, np.arange(episode.start + chosen.start, episode.start + stop)


def _maps(task: Task, frames: Frames) -> list[Work]:
    return [(signed_maps, (task, part)) for part in in_parts(frames, _FRAMES_PER_TASK)]


def _checks(task: Task, frames: Frames, count: int, is_followed: bool) -> list[Work]:
    """The method, and the gradient if it is followed through time, with parameters randomised."""
    chosen = part_of(frames, evenly_spaced(0, len(frames.rows), count))
    if is_followed:
        task = dataclasses.replace(task, methods=tuple(dict.fromkeys((*task.methods, "gradient"))))
    # Each part with random parameters of its own.
    return [
        (similarities, (dataclasses.replace(task, seed=task.seed + number), part))
        for number, part in enumerate(in_parts(chosen, max(1, len(chosen.rows) // 4)))
    ]


def _pasts(task: Task, frames: Frames, at: NDArray[np.int64], lags: int) -> list[Work]:
    """Windows that end at these decisions, with the states that truly entered them."""
    found: list[Work] = []
    for start in range(0, len(at), _TIMES_PER_STRETCH):
        first = at[start : start + _TIMES_PER_STRETCH] - lags
        windows = frames.observations[first[:, None] + np.arange(lags + 1)]
        found.append((past, (task, windows, frames.states[first])))
    return found


def _dataset(task: Task, frames: Frames, maps: NDArray[np.floating], recording: Recording) -> xarray.Dataset:
    rows = recording.rows(int(frames.rows[0]), int(frames.rows[-1]) + 1, ())
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
            "row": ("time", frames.rows, {"long_name": "row of the recording"}),
        },
    )
    data["map"].encoding = {"zlib": True, "complevel": 1}  # most of a map may be zero
    return data


def _units(task: Task) -> str:
    """Of a map; braces stand for the units of its target."""
    return _in_units_of(task.methods[0], "{}")


def _in_units_of(method: str, target: str) -> str:
    if method in ("gradient", "guided_backprop", "smoothgrad"):
        return f"{target} per pixel unit"
    return f"half of ({target})²" if method == "perturbation" else target


def _verdicts(task: Task, measured: Measured, threshold: float, prefixes: Iterable[str]) -> xarray.Dataset:
    """Of the method and, last of those measured, the gradient; names of variables begin with the prefixes."""
    judged = first_judged(task.policy)
    absolute = similarity(measured)[0][..., MAPS.index("absolute"), 0]
    values, chance = strength(measured)
    excess = values[..., 0] - chance
    passed, worst = is_passed(excess, judged, threshold), worst_stage(excess, judged)
    each = np.arange(len(task.targets))
    variables: dict[str, Any] = {}
    for prefix, number in zip(prefixes, (0, -1), strict=False):
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


def _through_time(
    frames: Frames, at: NDArray[np.int64], lags: int, followed: list[tuple[NDArray[Any], NDArray[Any]]]
) -> xarray.Dataset:
    mass, maps = np.concatenate([each for each, _ in followed], axis=1), np.concatenate([each for _, each in followed])
    stretch = np.arange(len(at)) // _TIMES_PER_STRETCH
    on_past = mass[0, :, 1:].sum(axis=1) / np.maximum(mass[0].sum(axis=1), 1e-30)
    example = int(on_past.argmax())
    when = int(at[example])
    return xarray.Dataset(
        {
            "lag_share": (
                ("target", "lag", "statistic"),
                np.array([shares(each, stretch) for each in mass]),
                {"units": "share of the absolute gradient"},
            ),
            "lag_map": (("lag", "height", "width"), maps[example]),
            "lag_observation": (("lag", "height", "width", "channel"), frames.observations[when - np.arange(lags + 1)]),
        },
        coords={"lag": ("lag", np.arange(lags + 1), {"units": "decisions before"}), "statistic": list(STATISTICS)},
        attrs={"lag_example": when, "lag_times": len(at), "lag_stretches": int(stretch[-1]) + 1},
    )


def _badge(one: xarray.Dataset, prefix: str, threshold: float, judged: str) -> str:
    """Whether the maps of one target pass the randomisation of parameters, from the stage that is judged first."""
    verdict = "passed" if bool(one[f"{prefix}passed"]) else "FAILED"
    found, chance, absolute = (
        float(one[f"{prefix}{name}"]) for name in ("strength", "strength_chance", "absolute_similarity")
    )
    return (
        f"Parameter randomisation: {verdict}, |ρ| = {found:.2f} (mean over frames of the rank correlation of signed "
        f"maps without its sign, worst from {judged} down; chance {chance:.2f}, passed up to "
        f"{threshold:g} above it; absolute maps, not judged: ρ = {absolute:.2f}; "
        f"n = {int(one[f'{prefix}checked_frames'])} frames)."
    )


def _caption(data: xarray.Dataset, settings: dict[str, Any], compared: Compared, world: Declaration) -> str:
    """Over what and how the maps of an episode were made."""
    method, count = str(data.attrs["method"]), data.sizes["time"]
    blurred = discs(*world.picture.shape[:2], settle(settings))
    how = {
        "integrated_gradients": f", {settings['steps']} steps",
        "smoothgrad": f", {settings['samples']} samples, σ {settings['noise_sigma']:g} pixel units",
        "occlusion": f", squares of {settings['window']} pixels every {settings['stride']}",
        "perturbation": f", discs of σ {blurred.sigma:.3g} pixels blurred, every {blurred.spacing}",
    }.get(method, "")
    unit = _in_units_of(method, "target units")
    baseline = " ".join(["", f"Baseline: {compared.baseline}.", *filter(None, [compared.why])])
    over = "colours" if world.picture.frames == 1 else f"the channels of all {world.picture.frames} stacked frames"
    shown = picture_sentence(world)
    first = int(data.attrs["first_step"])
    whole = "" if data.attrs["is_complete"] else ", which the end of the recording cut short"
    given = "; the recurrent state that entered each is taken as given" if compared.frames.states.shape[1] else ""
    return (
        f"{METHOD_NAMES[method].capitalize()}{how}; {unit}, summed over {over}."
        f"{baseline if method in WITH_BASELINE else ''}{shown and f' {shown}'} Episode "
        f"{int(data.attrs['episode']) + 1}{whole}, decisions {first + 1} to {first + count} (n = {count:,}){given}."
    )


def _draw(result: Result) -> list[Drawing]:
    from retinoscope.figures.episode_attribution import attribution_caption, attribution_frames, spoken
    from retinoscope.figures.episode_attribution import episode_attribution as contact_sheet

    rate, pace = _pace(result)
    drawings: list[Drawing] = []
    for target in map(str, result.data["target"].values):
        name, caption = f"attribution_{_file_name(target)}", attribution_caption(result, target)
        movie = (
            f"{caption} One scale for the whole movie, ±{float(result.data['scale'].sel(target=target)):.2g}: all but "
            f"one in a thousand of the pixels that are not zero lie within; the others are drawn at its ends. {pace}"
        )
        title = f"What moves the {spoken(target)}"
        frames = functools.partial(attribution_frames, result, target)
        drawings.append(MovieDrawing(name, title, movie, frames, rate))
        sheet = functools.partial(contact_sheet, result, target)
        drawings.append(FigureDrawing(name, title, caption, sheet, says_caption=True))
    # Without a memory all of the gradient would fall on what is seen now.
    return [*drawings, *(_drawings_through_time(result) if "lag" in result.data.sizes else ())]


def _pace(result: Result) -> tuple[float, str]:
    """Decisions of the movie in a second, and the sentence that says it."""
    attributes = result.data.attrs
    if "movie_rate" not in attributes:  # of an earlier version, whose worlds all had a time
        return SPEED * float(attributes["decisions_per_second"]), f"Shown at {SPEED:g} times real speed."
    return float(attributes["movie_rate"]), str(attributes["movie_pace"])


def _drawings_through_time(result: Result) -> list[Drawing]:
    from retinoscope.figures.episode_attribution import attribution_lags, attribution_through_time

    attributes, first = result.data.attrs, str(result.data["target"].values[0])
    caption = (
        f"Share of the absolute gradient of each target that falls on the observation so many decisions before; "
        f"{attributes['lag_times']} decisions of the episode, bars are 95% bootstrap intervals over "
        f"{attributes['lag_stretches']} stretches of them. Truncated after {attributes['lag_steps']} steps: gradients "
        "that would reach further back are left out, and shares add up to one within these. Were all observations of "
        f"the same weight, each would have {100 / (attributes['lag_steps'] + 1):.1f}%."
    )
    title = "How far back attribution reaches"
    lags: Drawing = FigureDrawing("attribution_lags", title, caption, lambda: attribution_lags(result))
    if not np.isfinite(result.data["lag_share"].values).any():
        why = f"decisions that have all {attributes['lag_steps']} before them in the episode"
        said = f"There are too few {why} ({attributes['lag_times']}) for a share with its interval.\n"
        lags = TextDrawing("attribution_lags_not_made", title, "This episode is too short to show it.", said)
    return [
        lags,
        FigureDrawing(
            "attribution_through_time",
            f"The past in the {first}",
            str(attributes[f"gradient badge {first}"]),
            lambda: attribution_through_time(result),
            says_caption=True,
        ),
    ]


def _file_name(target: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in target.removeprefix("probability:"))


ANALYSIS = Analysis(
    name="episode_attribution",
    title="Attribution",
    group="attribution",
    summary="Which pixels move the value and each action, over an episode and back through time.",
    run=episode_attribution,
    parameters=EpisodeAttributionParameters,
    of="recording",
    needs=(RECORDING, FRAMES, AGENT),
    draw=_draw,
    explore=panels,
    refuse=refuse_targets,
    formerly=("attribution",),
    rank=10,
    methods="""
        What moves {{ targets | listed }} was attributed to the pixels of {{ sizes.time }} consecutive decisions
        of episode {{ episode }} by {{ attribution(method) }}{% if method == "integrated_gradients" %} ({{ steps
        }} steps){% elif method == "smoothgrad" %} ({{ samples }} samples, standard deviation {{ noise_sigma }}
        pixel units){% elif method == "occlusion" %} (squares of {{ window }} pixels every {{ stride }}){% endif
        %}. Whether the maps depend on what the network learned was judged by cascading randomisation of its
        parameters [@adebayo2018] on {{ found.checked_frames }} frames: the mean absolute rank correlation
        between maps before and after may exceed that by chance by {{ threshold }} at most. {% if "lag" in sizes
        %}Gradients were followed back through the memory for {{ lag_steps }} decisions, at {{ times }}
        decisions at most, with {{ interval }}% bootstrap intervals over stretches.{% endif %} (Seed {{ seed
        }}.)
    """,
)

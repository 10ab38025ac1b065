"""Is an attribution map about the agent at all? Three checks of every method, and a ranking of the methods.

(a) Cascading randomisation of the parameters (Adebayo et al. 2018): a map that hardly changes when what the network
learned is destroyed, from the outputs down, does not show what the network learned. (b) Deletion and insertion (Petsiuk
et al. 2018): pixels are taken away, or put into the empty view, in the order of the map; the target should follow
sooner than in random order. (c) The simulator's own answer: each object in view is painted out, and the true change of
the target is compared with the attribution that the map puts on that object.

What lies behind the objects is known: the recorded actions are played again in the arena without stimuli. These views
are also the baseline of the methods that need one, and what deleted pixels are replaced with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic
import xarray
from numpy.typing import NDArray
from scipy.stats import rankdata

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.attribution.attribution_frames import (
    each_in_a_process,
    evenly_spaced,
    frames_of,
    in_parts,
    refuse_targets,
)
from retinoscope.analyses.declaration import AGENT, EMPTIED_WORLD, FRAMES, RECORDING, WORLD, Analysis
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.recorded import require_same
from retinoscope.attribution.guided import has_activation_functions
from retinoscope.attribution.measures import FRACTIONS, Task, measure
from retinoscope.attribution.parameters import ATTRIBUTION_METHODS, AttributionMethod, settle
from retinoscope.attribution.randomisation import stages
from retinoscope.attribution.targets import Targets, default_targets, parse_target
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.attribution_checks import area_between, means_over_frames, rank_correlations

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.scenarios import ArenaArchive

MAPS = ("signed", "absolute")
STATISTICS = ("estimate", "low", "high")

_STRETCH_FRAMES = 20
_FEWEST_STRETCHES = 5

Measured = list[dict[str, NDArray[Any]]]
Array = NDArray[np.floating]


@parameters("attribution checks")
class AttributionCheckParameters:
    """Parameters of `attribution_checks`."""

    frames: int = setting(500, "rows that are looked at, evenly spaced; fewer if the recording is shorter", least=2)
    stretch_frames: int | None = setting(
        None,
        "consecutive ones of them that make a stretch: over stretches go the bootstrap intervals, and each stretch has "
        "random parameters of its own; none for 20, or a fifth of all if that is less",
        least=1,
    )
    methods: tuple[AttributionMethod, ...] | None = setting(
        None, "names of attribution methods; none for all that apply to the network", fewest=1
    )
    targets: Targets = setting(
        None, "what the maps explain; none for the value and the probability of every action", fewest=1
    )
    steps: int = setting(
        16, "of integrated gradients; fewer than for maps that are shown: each frame is passed seven times", least=1
    )
    samples: int = setting(8, "of SmoothGrad", least=1)
    noise_sigma: float = setting(25.5, "standard deviation of SmoothGrad's noise", units="pixel units", above=0)
    window: int = setting(10, "side of the squares of occlusion", units="pixels", least=1)
    stride: int = setting(10, "from one of them to the next, at most their side", units="pixels", least=1)
    threshold: float = setting(
        0.2,
        "with a mean |rank correlation| so much above chance a method still passes the parameter randomisation",
        above=0,
        below=1,
    )
    seed: int = setting(0, "of random parameters, of the random order and of the pixels that are ranked", least=0)
    workers: int | None = setting(None, "processes; none for one per core", least=1)

    @pydantic.model_validator(mode="after")
    def _fit(self) -> AttributionCheckParameters:
        if self.stretch_frames is not None and self.frames < 2 * self.stretch_frames:
            raise UserError(
                f"frames: {self.frames} make fewer than the two stretches of {self.stretch_frames} that an interval "
                "needs; give more"
            )
        settle(self.settings)
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """Of the methods."""
        return {name: getattr(self, name) for name in ("steps", "samples", "noise_sigma", "window", "stride")}


def attribution_checks(
    recording: Recording,
    *,
    agent: Agent,
    arena: ArenaArchive | None = None,
    parameters: AttributionCheckParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Check every attribution method on an agent.

    Args:
        recording: made with the agent.
        agent: whose maps are checked.
        arena: where it was made; None for the arena the agent was trained in.
        parameters: see `AttributionCheckParameters`; single ones may be given by name instead, `frames=100`.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `AttributionCheckParameters` that replace those of `parameters`.

    Returns:
        A Result with dimensions `attribution_method` and `target`, the last target, `all`, being the mean of the
        others; `statistic` is estimate, low and high (95% bootstrap over stretches). `similarity` (attribution_method,
        stage, target, map, statistic): mean of Spearman's rho between maps before and after randomising the layers
        down to `stage`, for maps signed and absolute; `strength` (attribution_method, stage, target, statistic): mean
        of |rho| of signed maps, which is what is judged; `similarity_chance`, `strength_chance`, the same after rolling
        one map by half;
        `passed` (attribution_method, target). `deletion_gain` and `insertion_gain` (attribution_method, target,
        statistic): area between the curves of the method and of random order, above 0 if the method is better, in
        units of the mean change from frame to empty view; `deletion`, `insertion` (order, target, fraction): the
        curves, the orders being the methods, `difference` and `random`; `deletion_gain_of_difference`,
        `insertion_gain_of_difference` (target, statistic): the same gains for the order of how much pixels
        differ from the empty view, which knows nothing of the network. `agreement` (attribution_method, target,
        map, statistic): Spearman's rho over objects between true change and attribution on the object, signed
        against signed and absolute against absolute; `agreement_of_size`, `agreement_of_difference` (target,
        statistic): that of the object's size, and of its difference from what lies behind it, alone. `rank`
        (attribution_method).

    Raises:
        UserError: a parameter, method or target is unknown, or the recording was made by another agent.
        NotMeasurable: the recording has too few rows; or as `views_again`.
    """
    from retinoscope.rollouts.arenas import arena_of

    chosen = with_settings(parameters or AttributionCheckParameters(), settings)
    require_same(recording, agent)
    rows = evenly_spaced(0, recording.frames, chosen.frames)
    stretch = chosen.stretch_frames or min(_STRETCH_FRAMES, max(1, len(rows) // _FEWEST_STRETCHES))
    if len(rows) < 2 * stretch:
        raise NotMeasurable(
            f"{recording.path}: has {recording.frames} rows, too few for two stretches of {stretch}; record more"
        )
    policy = agent.policy
    wanted = tuple(parse_target(policy, each) for each in chosen.targets or default_targets(policy))
    methods = _methods(policy, chosen.methods)
    parts = in_parts(frames_of(recording, arena or arena_of(agent), rows.tolist()), stretch)
    if len(parts[-1].rows) < stretch:
        parts.pop()  # all stretches weigh the same
    work = [
        (measure, (Task(policy, wanted, methods, chosen.settings, chosen.seed + number), part))
        for number, part in enumerate(parts)
    ]
    measured = list(each_in_a_process(work, policy, chosen.workers, "stretches checked", progress))
    data = _summary(measured, [each.name for each in wanted], methods, stages(policy), chosen.threshold)
    data.attrs["caption"] = _caption(data, chosen, len(measured), stretch)
    said = stated(chosen) | {
        "stretch_frames": stretch,
        "methods": list(methods),
        "targets": [each.name for each in wanted],
    }
    return Result("attribution_checks", data, said, provenance(agent=agent, recording=recording, arena=arena))


def _methods(policy: Policy, asked: tuple[AttributionMethod, ...] | None) -> tuple[AttributionMethod, ...]:
    if asked is not None:
        return asked
    is_guided = has_activation_functions(policy)
    return tuple(each for each in ATTRIBUTION_METHODS if is_guided or each != "guided_backprop")


def _summary(
    measured: Measured,
    targets: list[str],
    methods: tuple[AttributionMethod, ...],
    layers: tuple[str, ...],
    threshold: float,
) -> xarray.Dataset:
    similar, chance = similarity(measured)
    strong, strong_chance = strength(measured)
    passed = is_passed(strong[..., 0] - strong_chance, layers, threshold)
    curves, gained = gains(measured)
    agreed, controls = agreement(measured)
    orders = [*methods, "difference", "random"]
    by_method, by_target = ("attribution_method", "target", "statistic"), ("target", "statistic")
    unit = {"units": "mean change to empty view"}
    return xarray.Dataset(
        {
            "similarity": (("attribution_method", "stage", "target", "map", "statistic"), similar, {"units": "rho"}),
            "similarity_chance": (("attribution_method", "stage", "target", "map"), chance, {"units": "rho"}),
            "strength": (("attribution_method", "stage", "target", "statistic"), strong, {"units": "rho"}),
            "strength_chance": (("attribution_method", "stage", "target"), strong_chance, {"units": "rho"}),
            "passed": (("attribution_method", "target"), passed),
            "deletion": (("order", "target", "fraction"), curves["deletion"], unit),
            "insertion": (("order", "target", "fraction"), curves["insertion"], unit),
            "deletion_gain": (by_method, gained["deletion"][:-1], unit),
            "insertion_gain": (by_method, gained["insertion"][:-1], unit),
            "deletion_gain_of_difference": (by_target, gained["deletion"][-1], unit),
            "insertion_gain_of_difference": (by_target, gained["insertion"][-1], unit),
            "agreement": (("attribution_method", "target", "map", "statistic"), agreed, {"units": "rho"}),
            "agreement_of_size": (by_target, controls["pixels"], {"units": "rho"}),
            "agreement_of_difference": (by_target, controls["difference"], {"units": "rho"}),
            "rank": ("attribution_method", ranking(passed, gained, agreed)),
        },
        coords={
            "attribution_method": list(methods),
            "order": orders,
            "target": [*targets, "all"],
            "stage": list(layers),
            "map": list(MAPS),
            "statistic": list(STATISTICS),
            "fraction": ("fraction", np.array(FRACTIONS), {"units": "share of pixels"}),
        },
        attrs={
            "frames": sum(len(each["row"]) for each in measured),
            "objects": sum(len(each["object_frame"]) for each in measured),
            "threshold": threshold,
            "judged_stage": first_judged(layers),
        },
    )


def _caption(data: xarray.Dataset, chosen: AttributionCheckParameters, stretches: int, stretch_frames: int) -> str:
    return (
        f"n = {data.attrs['frames']:,} frames in {stretches} stretches of {stretch_frames}, "
        f"{data.attrs['objects']:,} objects in view; in brackets 95% bootstrap intervals over stretches. "
        "Baseline and paint: the same view of the arena without stimuli, rendered by the simulator. "
        f"Integrated gradients with {chosen.steps} steps, SmoothGrad with {chosen.samples} samples of "
        f"σ {chosen.noise_sigma:g}, occlusion by squares of {chosen.window} pixels every {chosen.stride}."
    )


def similarity(measured: Measured) -> tuple[Array, Array]:
    """Mean rho of maps before and after randomisation, and what chance gives.

    Returns:
        (method, stage, target and all, map, statistic), and (method, stage, target and all, map).
    """
    stretch = _stretches(measured, "row")
    found = [means_over_frames(_with_all(_joined(measured, name)), stretch) for name in MAPS]
    chances = [_finite_mean(_with_all(_joined(measured, f"{name}_chance"))) for name in MAPS]
    return np.stack(found, axis=-2), np.stack(chances, axis=-1)


def strength(measured: Measured) -> tuple[Array, Array]:
    """Mean |rho| of signed maps before and after randomisation, and what chance gives.

    Random outputs turn the sign of a whole map as often as not, so that the mean of rho itself may be zero for maps
    that are all alike but for that sign.

    Returns:
        (method, stage, target and all, statistic), and (method, stage, target and all).
    """
    values = _with_all(np.abs(_joined(measured, "signed")))
    chance = _finite_mean(_with_all(np.abs(_joined(measured, "signed_chance"))))
    return means_over_frames(values, _stretches(measured, "row")), chance


def _finite_mean(values: Array) -> Array:
    """Means over the last axis of what is finite; NaN where nothing is."""
    is_there = np.isfinite(values)
    counts = is_there.sum(axis=-1)
    sums = np.where(is_there, values, 0.0).sum(axis=-1, dtype=np.float64)
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def is_passed(excess: Array, layers: tuple[str, ...], threshold: float) -> NDArray[np.bool_]:
    """(method, target): signed maps are unlike each other once every layer above the convolutions is randomised.

    All stages from there on must pass. Stages before are shown, not judged: with only its outputs randomised a network
    still computes the same features.

    Args:
        excess: (method, stage, target), `strength` above chance; what chance gives depends on how smooth maps are.
        layers: the stages.
        threshold: largest excess that passes.
    """
    return np.asarray(excess[:, first_judged(layers) :].max(axis=1) <= threshold)


def worst_stage(excess: Array, layers: tuple[str, ...]) -> NDArray[np.int64]:
    """(method, stage, target) as for `is_passed` -> (method, target) the judged stage where it is largest."""
    judged = first_judged(layers)
    return np.asarray(judged + excess[:, judged:].argmax(axis=1))


def first_judged(layers: tuple[str, ...]) -> int:
    """Index of the stage at which the last layer above the convolutions falls."""
    above = [number for number, name in enumerate(layers) if not name.startswith("conv")]
    return above[-1] if above else 0


def gains(measured: Measured) -> tuple[dict[str, Array], dict[str, Array]]:
    """Curves of deletion and insertion, and how much better than random order they are.

    Returns:
        By name (order, target and all, fraction), and (method and, last, difference without the network, target and
        all, statistic).
    """
    stretch, fractions = _stretches(measured, "row"), np.array(FRACTIONS)
    curves, gained = {}, {}
    for name, sign in (("deletion", 1.0), ("insertion", -1.0)):
        each = np.concatenate([part[name] for part in measured], axis=2).astype(np.float64)
        # Of one unit, so that targets can be averaged: the mean change from the frame to the empty view.
        unit = np.abs(each[-1, :, :, -1 if name == "deletion" else 0]).mean(axis=-1)
        each /= np.where(unit > 0, unit, 1.0)[:, None, None]
        each = np.concatenate([each, each.mean(axis=1, keepdims=True)], axis=1)
        curves[name] = each.mean(axis=2)
        areas = sign * area_between(fractions, each[:-1], each[-1:])
        gained[name] = means_over_frames(areas, stretch)
    return curves, gained


def agreement(measured: Measured) -> tuple[Array, dict[str, Array]]:
    """Rank correlation of attribution on an object with what painting it out really changes.

    Returns:
        (method, target and all, map, statistic); and of what needs no network with the absolute change, by name (target
        and all, statistic): the object's size, and its difference from what lies behind it.
    """
    stretch = np.repeat(np.arange(len(measured)), [len(part["object_frame"]) for part in measured])
    change = _joined(measured, "change")
    changes = {"signed": change, "absolute": np.abs(change)}
    masses = {name: _joined(measured, f"mass_{name}") for name in MAPS}
    by_map = [[rank_correlations(mass, changes[name], stretch) for mass in masses[name]] for name in MAPS]
    controls = {}
    for name in ("pixels", "difference"):
        control = np.repeat(_joined(measured, f"object_{name}")[None], len(change), axis=0)
        controls[name] = rank_correlations(control, changes["absolute"], stretch)
    return np.stack(by_map, axis=2), controls


def ranking(passed: NDArray[np.bool_], gained: dict[str, Array], agreed: Array) -> NDArray[np.int64]:
    """(method): 1 for the best. Methods that pass the parameter randomisation come before those that do not.

    Among them counts the mean place in deletion, insertion and the two agreements with the simulator, over all targets.
    """
    deletion, insertion = (gained[name][: len(passed), -1, 0] for name in ("deletion", "insertion"))
    scores = [deletion, insertion, agreed[:, -1, 0, 0], agreed[:, -1, 1, 0]]
    places = np.mean([rankdata(-score) for score in scores], axis=0)
    order = np.lexsort((places, ~passed[:, -1]))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks


def _stretches(measured: Measured, name: str) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(measured)), [len(part[name]) for part in measured])


def _joined(measured: Measured, name: str) -> Array:
    """Frames, or objects, of all stretches on the last axis."""
    return np.concatenate([part[name] for part in measured], axis=-1)


def _with_all(values: Array) -> Array:
    """(method, stage, target, frame), with the mean over targets as one more."""
    return np.concatenate([values, values.mean(axis=2, keepdims=True)], axis=2)


def _draw(result: Result) -> list[Drawing]:
    from retinoscope.figures.attribution_checks import attribution_checks as draw

    caption = (
        f"{result.data.attrs['caption']} Mean over all targets. (a) Rank correlation of maps before and after the "
        "parameters are randomised, from the outputs down to each layer: low is good. For signed maps it is taken "
        "without its sign, since random outputs may turn the sign of a whole map, and above chance, which is what one "
        "map rolled by half gives. Absolute maps stay more alike because both networks see the same objects; they are "
        f"not judged: the verdict is about signed maps, from {_judged_from(result)} down. (b) How the target follows "
        "when pixels are deleted (fast rise is good) or inserted (fast fall is good), most attributed first. (c) "
        "Attribution on an object against the true change when it is painted out."
    )
    figure = FigureDrawing("attribution_checks", "Are the maps about the agent?", caption, lambda: draw(result))
    return [
        figure,
        _ranking_table(result, "all", "attribution_checks", "Attribution methods, ranked for this agent"),
        _target_table(result),
    ]


_COLUMNS = (
    "rank",
    "method",
    "(a) |ρ| after randomisation",
    "(a) chance",
    "(a) verdict",
    "(a) absolute maps ρ",
    "(b) deletion gain",
    "(b) insertion gain",
    "(c) ρ signed",
    "(c) ρ absolute",
)


def _ranking_table(result: Result, target: str, name: str, title: str) -> TableDrawing:
    data = result.data
    size = _interval(data["agreement_of_size"].sel(target=target))
    caption = (
        f"{data.attrs['caption']} Targets: {', '.join(result.parameters['targets'])}; means over them. (a) Rank "
        "correlation of signed maps before and after the parameters are randomised, without its sign, mean over "
        f"frames; the worst of the stages from {_judged_from(result)} down. Every stretch has random parameters of its "
        "own, and frames without anything to see are left out for methods with a baseline. Chance: one map rolled by "
        f"half; passed if at most {data.attrs['threshold']:g} above it. Absolute maps are not judged: they stay more "
        "alike because both networks see the same objects. (b) Area between the curves of the method and of random "
        "order, in units of the mean change from frame to empty view; chance is 0, more is better. Methods with a "
        "baseline know where the frame differs from the empty view; what that gives without any network is in the last "
        "row, and only what exceeds it tells of this agent. (c) Over "
        "objects in view, rank correlation of the true change when the object is painted out with the attribution on "
        f"it; chance is 0 for signed, and {size} for absolute ones, what the object's size alone gives. Rank: methods "
        "that pass (a) first, then by the mean place in (b) and (c)."
    )
    order = data["rank"].values.argsort()
    rows = tuple(_row(result, str(data["attribution_method"].values[index]), target) for index in order)
    rows += (_without_network(result, target),)
    return TableDrawing(name, title, caption, _COLUMNS, rows)


def _judged_from(result: Result) -> str:
    """Name of the first stage of the cascade that is judged."""
    return str(result.data["stage"].values[int(result.data.attrs["judged_stage"])])


def _row(result: Result, method: str, target: str) -> tuple[str | int | float, ...]:
    from retinoscope.figures.attribution_checks import spoken

    one = result.data.sel(attribution_method=method, target=target)
    judged = int(result.data.attrs["judged_stage"])
    excess = one["strength"].sel(statistic="estimate") - one["strength_chance"]
    worst = judged + int(excess.values[judged:].argmax())
    similar, strong, chance = (one[name].isel(stage=worst) for name in ("similarity", "strength", "strength_chance"))
    return (
        int(one["rank"]),
        spoken(method),
        _interval(strong),
        f"{float(chance):.2f}",
        "passed" if bool(one["passed"]) else "FAILED",
        _interval(similar.sel(map="absolute")),
        _interval(one["deletion_gain"]),
        _interval(one["insertion_gain"]),
        _interval(one["agreement"].sel(map="signed")),
        _interval(one["agreement"].sel(map="absolute")),
    )


def _without_network(result: Result, target: str) -> tuple[str | int | float, ...]:
    """What the pixels' difference from the view without stimuli gives, the network never being asked."""
    names = ("deletion_gain_of_difference", "insertion_gain_of_difference", "agreement_of_difference")
    deletion, insertion, agrees = (_interval(result.data[name].sel(target=target)) for name in names)
    return ("", "pixel difference, no network", "", "", "", "", deletion, insertion, "", agrees)


def _target_table(result: Result) -> TableDrawing:
    """Every method and target."""
    targets = [str(each) for each in result.data["target"].values if str(each) != "all"]
    methods = [str(each) for each in result.data["attribution_method"].values]
    rows = tuple(
        (target.replace(":", ": "), *_row(result, method, target)[1:]) for target in targets for method in methods
    )
    caption = f"{result.data.attrs['caption']} As the table above, for every target."
    title = "Attribution methods, target by target"
    return TableDrawing("attribution_checks_by_target", title, caption, ("target", *_COLUMNS[1:]), rows)


def _interval(values: xarray.DataArray) -> str:
    estimate, low, high = (float(each) for each in values.values)
    return f"{estimate:.2f} [{low:.2f}, {high:.2f}]".replace("-", "−")


ANALYSIS = Analysis(
    name="attribution_checks",
    title="Is the attribution about the agent?",
    group="attribution",
    summary="Every attribution method put to three tests, and ranked for this agent.",
    run=attribution_checks,
    parameters=AttributionCheckParameters,
    of="recording",
    needs=(RECORDING, FRAMES, AGENT, WORLD, EMPTIED_WORLD),
    draw=_draw,
    refuse=refuse_targets,
    rank=20,
)

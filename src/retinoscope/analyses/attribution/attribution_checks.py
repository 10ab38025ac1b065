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

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.attribution.attribution_frames import (
    each_in_a_process,
    evenly_spaced,
    frames_of,
    in_parts,
)
from retinoscope.analyses.attribution.attribution_summary import (
    MAPS,
    STATISTICS,
    agreement,
    first_judged,
    gains,
    is_passed,
    ranking,
    similarity,
    strength,
)
from retinoscope.analyses.recorded import require_same
from retinoscope.attribution.guided import has_activation_functions
from retinoscope.attribution.measures import FRACTIONS, Task, measure
from retinoscope.attribution.parameters import METHODS, Method, known_method, settle
from retinoscope.attribution.randomisation import stages
from retinoscope.attribution.targets import TargetLike, default_targets, parse_target
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import with_settings

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.scenarios import ArenaArchive


@dataclass(frozen=True)
class AttributionCheckParameters:
    """Parameters of `attribution_checks`.

    Attributes:
        frames: of the recording that are looked at, evenly spaced; fewer if it is shorter.
        stretch_frames: consecutive ones of them that make a stretch: over stretches go the bootstrap intervals, and
            each stretch has random parameters of its own.
        methods: which; None for all that apply to the network.
        steps, samples, noise_sigma, window, stride: of the methods, see `AttributionParameters`; fewer steps and
            samples than there, since seven passes are made over each frame.
        threshold: with a mean |rank correlation| so much above chance a method still passes the parameter
            randomisation.
        seed: of random parameters, of the random order and of the pixels that are ranked.
    """

    frames: int = 500
    stretch_frames: int = 20
    methods: tuple[str, ...] | None = None
    steps: int = 16
    samples: int = 8
    noise_sigma: float = 25.5
    window: int = 10
    stride: int = 10
    threshold: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.stretch_frames < 1:
            raise UserError(f"stretch_frames: {self.stretch_frames} is too few; give at least 1")
        if self.frames < 2 * self.stretch_frames:
            raise UserError(
                f"frames: {self.frames} make fewer than the two stretches of {self.stretch_frames} that an interval "
                "needs; give more"
            )
        if not 0 < self.threshold < 1:
            raise UserError(f"threshold: {self.threshold} is no rank correlation between 0 and 1")

    @property
    def settings(self) -> dict[str, Any]:
        """Of the methods."""
        return {name: getattr(self, name) for name in ("steps", "samples", "noise_sigma", "window", "stride")}


def attribution_checks(
    agent: Agent,
    recording: Recording,
    arena: ArenaArchive | None = None,
    parameters: AttributionCheckParameters | None = None,
    *,
    targets: Sequence[TargetLike] | None = None,
    workers: int | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Check every attribution method on an agent.

    Args:
        agent: whose maps are checked.
        recording: made with it.
        arena: where it was made; None for the arena the agent was trained in.
        parameters: see `AttributionCheckParameters`; single ones may be given by name instead, `frames=100`.
        targets: what the maps explain, as for `attribution.attribute`; None for the value and the probability of every
            action.
        workers: processes; None for one per core.
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
        UserError: a parameter, method or target is unknown; the recording was made by another agent, or has too few
            rows; or as `views_again`.
    """
    from retinoscope.rollouts.arenas import arena_of

    chosen = with_settings(parameters or AttributionCheckParameters(), settings, "attribution checks")
    settle(chosen.settings)
    require_same(recording, agent)
    if recording.frames < 2 * chosen.stretch_frames:
        raise NotMeasurable(
            f"{recording.path}: has {recording.frames} rows, too few for two stretches of {chosen.stretch_frames}; "
            "record more"
        )
    policy = agent.policy
    wanted = tuple(parse_target(policy, each) for each in targets or default_targets(policy))
    methods = _methods(policy, chosen.methods)
    rows = evenly_spaced(0, recording.frames, chosen.frames)
    parts = in_parts(frames_of(recording, arena or arena_of(agent), rows.tolist()), chosen.stretch_frames)
    if len(parts[-1].rows) < chosen.stretch_frames:
        parts.pop()  # all stretches weigh the same
    tasks = [
        (Task(policy, wanted, methods, chosen.settings, chosen.seed + number), part)
        for number, part in enumerate(parts)
    ]
    measured = list(each_in_a_process(measure, tasks, policy, workers, "stretches checked", progress))
    data = _summary(measured, [each.name for each in wanted], methods, stages(policy), chosen.threshold)
    data.attrs |= {"caption": _caption(data, chosen, len(measured)), "agent": agent.name}
    stated = dataclasses.asdict(chosen) | {"methods": list(methods), "targets": [each.name for each in wanted]}
    return Result("attribution_checks", data, stated, provenance(recording=recording))


def _methods(policy: Policy, asked: Sequence[str] | None) -> tuple[Method, ...]:
    if asked is not None:
        return tuple(known_method(each) for each in asked)
    is_guided = has_activation_functions(policy)
    return tuple(each for each in METHODS if is_guided or each != "guided_backprop")


def _summary(
    measured: list[dict[str, NDArray[Any]]],
    targets: list[str],
    methods: tuple[Method, ...],
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


def _caption(data: xarray.Dataset, parameters: AttributionCheckParameters, stretches: int) -> str:
    return (
        f"n = {data.attrs['frames']:,} frames in {stretches} stretches of {parameters.stretch_frames}, "
        f"{data.attrs['objects']:,} objects in view; in brackets 95% bootstrap intervals over stretches. "
        "Baseline and paint: the same view of the arena without stimuli, rendered by the simulator. "
        f"Integrated gradients with {parameters.steps} steps, SmoothGrad with {parameters.samples} samples of "
        f"σ {parameters.noise_sigma:g}, occlusion by squares of {parameters.window} pixels every {parameters.stride}."
    )

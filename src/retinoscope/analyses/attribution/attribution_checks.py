"""Is an attribution map about the agent at all? Three checks of every method, and a ranking of the methods.

(a) Cascading randomisation of the parameters (Adebayo et al. 2018): a map that hardly changes when what the network
learned is destroyed, from the outputs down, does not show what the network learned. (b) Deletion and insertion (Petsiuk
et al. 2018): pixels are taken away, or put into the empty view, in the order of the map; the target should follow
sooner than in random order. (c) The simulator's own answer: each object in view is painted out, and the true change of
the target is compared with the attribution that the map puts on that object.

What lies behind the objects is known where the world can be emptied: the recorded actions are played again in the world
without them. These views are also the baseline of the methods that need one, and what deleted pixels are replaced with.
In other worlds, that is a blurred or an even picture, and the third check cannot be made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.attribution.attribution_check_tables import drawings_of, tables_of
from retinoscope.analyses.attribution.attribution_frames import (
    BASELINES,
    Baseline,
    Compared,
    each_in_a_process,
    evenly_spaced,
    frames_of,
    in_parts,
    refuse_targets,
)
from retinoscope.analyses.attribution.attribution_verdicts import (
    MAPS,
    STATISTICS,
    Measured,
    agreement,
    gains,
    is_passed,
    ranking,
    similarity,
    strength,
)
from retinoscope.analyses.declaration import AGENT, FRAMES, RECORDING, Analysis
from retinoscope.analyses.recorded import require_agent, require_same
from retinoscope.attribution.checks import has_gradient
from retinoscope.attribution.cost import operations_per_frame
from retinoscope.attribution.guided import has_activation_functions
from retinoscope.attribution.measures import FRACTIONS, Task, measure
from retinoscope.attribution.parameters import ATTRIBUTION_METHODS, AttributionMethod, settle
from retinoscope.attribution.randomisation import first_judged, stages
from retinoscope.attribution.targets import Target, Targets, default_targets, parse_target
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.worlds.choosing import WorldLike

_FRAMES = 500
_FEWEST_FRAMES = 60  # of large networks
_BUDGET_OPERATIONS = 1e13  # that the frames may cost: some three minutes of one core
_STRETCH_FRAMES = 20
_FEWEST_STRETCHES = 5
_OF_METHODS = ("steps", "samples", "noise_sigma", "window", "stride", "disc_sigma", "disc_spacing")


@parameters("attribution checks")
class AttributionCheckParameters:
    """Parameters of `attribution_checks`."""

    frames: int | None = setting(
        None,
        "rows that are used, evenly spaced; fewer if the recording is shorter; none for 500, or, where "
        "these take more than 1e13 operations, for as many as that allows, at least 60",
        least=2,
    )
    stretch_frames: int | None = setting(
        None,
        "length of a stretch, in consecutive ones of these rows; bootstrap intervals are over stretches, "
        "and each stretch has random parameters of its own; none for 20, or a fifth of all if that is "
        "less",
        least=1,
    )
    methods: tuple[AttributionMethod, ...] | None = setting(
        None, "names of attribution methods; none for all that apply to the network", fewest=1
    )
    targets: Targets = setting(
        None, "what the maps explain; none for the value and the probability of every action", fewest=1
    )
    baseline: Baseline | None = setting(None, BASELINES)
    steps: int = setting(
        16,
        "steps of integrated gradients; fewer than for maps that are shown, because each frame is passed seven times",
        least=1,
    )
    samples: int = setting(8, "samples of SmoothGrad", least=1)
    noise_sigma: float = setting(25.5, "standard deviation of SmoothGrad's noise", units="pixel units", above=0)
    window: int = setting(10, "side of the squares of occlusion", units="pixels", least=1)
    stride: int = setting(10, "distance between neighbouring squares, at most their side", units="pixels", least=1)
    disc_sigma: float | None = setting(
        None,
        "standard deviation of the discs of perturbation saliency; none for a sixteenth of the shorter side",
        units="pixels",
        above=0,
    )
    disc_spacing: int = setting(10, "distance between neighbouring discs", units="pixels", least=1)
    threshold: float = setting(
        0.2,
        "mean |rank correlation| above chance up to which a method passes the randomisation of parameters",
        above=0,
        below=1,
    )
    seed: int = setting(0, "seed of random parameters, of the random order and of the pixels that are ranked", least=0)
    workers: int | None = setting(None, "processes; none for one per core", least=1)

    @pydantic.model_validator(mode="after")
    def _fit(self) -> AttributionCheckParameters:
        most = self.frames or _FRAMES
        if self.stretch_frames is not None and most < 2 * self.stretch_frames:
            raise UserError(
                f"frames: {most} make fewer than the two stretches of {self.stretch_frames} that an interval "
                "needs; give more"
            )
        settle(self.settings)
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """Of the methods."""
        return {name: getattr(self, name) for name in _OF_METHODS}


def attribution_checks(
    recording: Recording,
    *,
    agent: Agent,
    world: WorldLike | None = None,
    parameters: AttributionCheckParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Check every attribution method on an agent.

    Args:
        recording: made with the agent.
        agent: whose maps are checked.
        world: where it was made; None for the world the agent was trained in, if that is where.
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
        units of the mean change from frame to baseline, as a rule the empty view; `deletion`, `insertion` (order,
        target, fraction): the curves, the orders being the methods, `difference` and `random`;
        `deletion_gain_of_difference`, `insertion_gain_of_difference` (target, statistic): the same gains for the order
        of how much pixels differ from the baseline, which knows nothing of the network. Only where objects in view are
        known: `agreement` (attribution_method, target, map, statistic), Spearman's rho over objects between true change
        and attribution on the object, signed against signed and absolute against absolute; `agreement_of_size`,
        `agreement_of_difference` (target, statistic), that of the object's size, and of its difference from what lies
        behind it, alone. `rank` (attribution_method).

    Raises:
        UserError: a parameter, method or target is unknown, or the recording was made by another agent.
        NotMeasurable: the recording has too few rows, or as `frames_of`.
    """
    chosen = with_settings(parameters or AttributionCheckParameters(), settings)
    require_agent(agent, "attribution checks")
    require_same(recording, agent)
    policy = agent.policy
    wanted = tuple(parse_target(policy, each) for each in chosen.targets or default_targets(policy))
    methods = _methods(policy, chosen.methods)
    frames = chosen.frames or _affordable(policy, wanted, methods, chosen)
    rows = evenly_spaced(0, recording.frames, frames)
    stretch = chosen.stretch_frames or min(_STRETCH_FRAMES, max(1, len(rows) // _FEWEST_STRETCHES))
    if len(rows) < 2 * stretch:
        raise NotMeasurable(
            f"{recording.path}: has {recording.frames} rows, too few for two stretches of {stretch}; record more"
        )
    compared = frames_of(recording, agent, world, rows.tolist(), chosen.baseline)
    parts = in_parts(compared.frames, stretch)
    if len(parts[-1].rows) < stretch:
        parts.pop()  # all stretches weigh the same
    work = [
        (measure, (Task(policy, wanted, methods, chosen.settings, chosen.seed + number), part))
        for number, part in enumerate(parts)
    ]
    measured = list(each_in_a_process(work, policy, chosen.workers, "stretches checked", progress))
    data = _summary(measured, [each.name for each in wanted], methods, policy, compared, chosen.threshold)
    data.attrs["is_emptied"] = int(compared.is_emptied)
    data.attrs["caption"] = _caption(data, chosen, compared, len(measured), stretch)
    if chosen.frames is None and frames < _FRAMES:
        data.attrs["caption"] += (
            f" The network is large: {frames} frames were chosen instead of {_FRAMES}, and with them fewer random "
            "networks, one for each stretch; `frames` asks for more."
        )
    said = stated(chosen) | {
        "frames": frames,
        "stretch_frames": stretch,
        "methods": list(methods),
        "targets": [each.name for each in wanted],
    }
    return Result("attribution_checks", data, said, provenance(agent=agent, recording=recording))


def _methods(policy: Policy, asked: tuple[AttributionMethod, ...] | None) -> tuple[AttributionMethod, ...]:
    if asked is not None:
        return asked
    if not has_gradient(policy):
        return ("occlusion", "perturbation")
    is_guided = has_activation_functions(policy)
    return tuple(each for each in ATTRIBUTION_METHODS if is_guided or each != "guided_backprop")


def _affordable(
    policy: Policy,
    targets: Sequence[Target],
    methods: Sequence[AttributionMethod],
    chosen: AttributionCheckParameters,
) -> int:
    """How many frames are looked at where nobody says it; never so few that a stretch could not be judged."""
    affordable = int(_BUDGET_OPERATIONS // max(operations_per_frame(policy, targets, methods, chosen.settings), 1.0))
    fewest = max(_FEWEST_FRAMES, 2 * (chosen.stretch_frames or 1))
    return min(_FRAMES, max(fewest, affordable))


def _summary(
    measured: Measured,
    targets: list[str],
    methods: tuple[AttributionMethod, ...],
    policy: Policy,
    compared: Compared,
    threshold: float,
) -> xarray.Dataset:
    layers, judged = stages(policy), first_judged(policy)
    similar, chance = similarity(measured)
    strong, strong_chance = strength(measured)
    passed = is_passed(strong[..., 0] - strong_chance, judged, threshold)
    curves, gained = gains(measured)
    objects = sum(len(each["object_frame"]) for each in measured)
    agreed, controls = agreement(measured) if objects else (None, {})
    orders = [*methods, "difference", "random"]
    by_method, by_target = ("attribution_method", "target", "statistic"), ("target", "statistic")
    unit = {"units": f"mean change to {'empty view' if compared.is_emptied else 'baseline'}"}
    data = xarray.Dataset(
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
            "objects": objects,
            "threshold": threshold,
            "judged_stage": judged,
        },
    )
    if agreed is None:
        return data
    by_map = ("attribution_method", "target", "map", "statistic")
    return data.assign(
        agreement=(by_map, agreed, {"units": "rho"}),
        agreement_of_size=(by_target, controls["pixels"], {"units": "rho"}),
        agreement_of_difference=(by_target, controls["difference"], {"units": "rho"}),
    )


def _caption(
    data: xarray.Dataset, chosen: AttributionCheckParameters, compared: Compared, stretches: int, stretch_frames: int
) -> str:
    objects = f", {data.attrs['objects']:,} objects in view" if compared.is_emptied else ""
    paint = (
        f"Baseline and paint: {compared.baseline}, rendered by the simulator."
        if compared.is_emptied
        else f"Baseline, also put in place of deleted pixels: {compared.baseline}."
    )
    left_out = "" if "agreement" in data else "(c), what painting out an object in view changes, is left out."
    return (
        f"n = {data.attrs['frames']:,} frames in {stretches} stretches of {stretch_frames}{objects}; in brackets 95% "
        f"bootstrap intervals over stretches. {' '.join(filter(None, [paint, compared.why, left_out]))} "
        f"Integrated gradients with {chosen.steps} steps, SmoothGrad with {chosen.samples} samples of "
        f"σ {chosen.noise_sigma:g}, occlusion by squares of {chosen.window} pixels every {chosen.stride}, "
        f"perturbation by discs every {chosen.disc_spacing} pixels."
    )


ANALYSIS = Analysis(
    name="attribution_checks",
    title="Is the attribution about the agent?",
    group="attribution",
    summary="Every attribution method put to three tests, and ranked for this agent.",
    run=attribution_checks,
    parameters=AttributionCheckParameters,
    of="recording",
    needs=(RECORDING, FRAMES, AGENT),
    draw=drawings_of,
    explore=tables_of,
    refuse=refuse_targets,
    rank=20,
    methods="""
        {% for method in methods %}{% if loop.first %}Compared were {% endif %}{{ attribution(method) }}{{ "" if
        loop.last else ", " }}{% endfor %}, each attributing {{ targets | listed }} to the pixels of {{ frames
        }} recorded frames in stretches of {{ stretch_frames }} {%- if "integrated_gradients" in methods %};
        integrated gradients in {{ steps }} steps{% endif %}{% if "smoothgrad" in methods %}; SmoothGrad over {{
        samples }} samples with a standard deviation of {{ noise_sigma }} pixel units{% endif %}{% if
        "occlusion" in methods %}; occlusion by squares of {{ window }} pixels every {{ stride }}{% endif %}.
        Checks: cascading randomisation of the parameters [@adebayo2018], passed if the mean absolute rank
        correlation of maps before and after exceeds that by chance by {{ threshold }} at most; deletion and
        insertion of pixels in the order of the maps [@petsiuk2018], beside random order and the order of the
        difference from the baseline; {% if "objects" in found %}and the agreement of the attribution on each of
        {{ found.objects }} objects in view with what painting it out changes{% else %}what painting out objects
        changes was not measured{% endif %}. {{ interval }}% intervals are bootstrap intervals over stretches
        (seed {{ seed }}).
    """,
)

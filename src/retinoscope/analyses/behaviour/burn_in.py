"""Recurrent start-up: for how many decisions after a reset the memory still shows that it was reset.

With the agent given it is measured directly. At moments in the middle of recorded episodes the whole state is reset,
as at the start of an episode, and the stored observations are shown again: the distance between the activity of the
memory and the one that was recorded, which had its whole past, is what has not been forgotten of the start. Of several
layers of memory, at every moment the one counts that is farthest from it. Without the agent, the recording alone has to
do: when the mean state over episodes is no longer told from what it is late in the episodes. That is weaker, for early
in an episode the world differs too, and few episodes tell little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, inference
from retinoscope.analyses.declaration import MEMORY, RECORDING, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.analyses.recorded import clock_attributes, require_same
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.burn_in import BurnInEstimate, first_step_within, forgetting, settling

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

_CHUNK = 16  # steps that are read at a time
_MOST_EPISODES = 256  # that settling looks at; more would only cost memory
_LAST_SHARE = 3  # the burn-in is at most the length of the longest episode over this


@parameters("burn-in")
class BurnInParameters:
    """Parameters of `burn_in`."""

    most_steps: int = setting(
        150, "the longest burn-in; a third of the longest episode if that is shorter", units="decisions", least=1
    )
    tolerance: float = setting(
        0.05,
        "of forgetting: distance that counts as none, relative to the distance of unrelated states",
        above=0,
        below=1,
    )
    share: float = setting(
        0.95, "of forgetting: share of the windows that has to be within the tolerance", above=0, below=1
    )
    hold: int = setting(16, "of forgetting: for how long it has to stay so", units="decisions", least=1)
    windows: int = setting(64, "of forgetting: number of moments of the recording at which the state is reset", least=2)
    level: float = setting(0.99, "of settling: quantile of the chance distribution", above=0, below=1)
    seed: int = setting(0, "seed of everything drawn at random", least=0)
    layer: str | None = setting(None, "layer of the memory; none for all of its layers, the slowest of which counts")


@dataclass(frozen=True)
class BurnIn:
    """How much of every episode's start to leave out.

    Attributes:
        steps: rows whose `step` is below this are left out.
        rule: how that was found, one sentence for captions.
        settled: False if the state did not settle within what was looked at, so that `steps` is only a bound.
        method: `forgetting` (with the agent), `settling` (the recording alone), or `none` (nothing to forget).
        low, high: 95% interval of `steps`; NaN where there is none.
    """

    steps: int
    rule: str
    settled: bool
    method: Literal["forgetting", "settling", "none"]
    low: float
    high: float


def choose_burn_in(
    recording: Recording, *, layer: str | None = None, agent: Agent | Policy | None = None, given: Given | None = None
) -> BurnIn:
    """The burn-in of a layer.

    Args:
        recording: what the agent saw and computed.
        layer: of layers that are no memory, and do not read one (readouts), nothing is left out; None for the memory.
        agent: the agent of the recording, or its policy; with it the forgetting itself is measured.
        given: the Result of `burn_in`, if it is at hand; else it is measured here.

    Raises:
        UserError: as `burn_in`. Too short or too few episodes are no error here: the longest burn-in is then taken,
            and `settled` is False.
    """
    memory = recording.layers_of("memory")
    if not memory or (layer is not None and layer not in (*memory, *recording.layers_of("readout"))):
        rule = "the agent has no recurrent core" if not memory else f"nothing is left out: {layer} has no memory"
        return BurnIn(0, rule, True, "none", np.nan, np.nan)
    known = (given or {}).get("burn_in")
    if known is not None:
        return burn_in_of(known)
    try:
        return burn_in_of(burn_in(recording, agent=agent))
    except NotMeasurable:
        longest = max(each.stop - each.start for each in recording.episodes)
        steps = min(BurnInParameters().most_steps, longest // _LAST_SHARE)
        rule = f"the first {steps} decisions of every episode are left out, for episodes are too short to measure it"
        return BurnIn(steps, rule, False, "none", np.nan, np.nan)


def burn_in_of(result: Result) -> BurnIn:
    """What a Result of `burn_in` says."""
    found = {name: result.data[name].item() for name in ("steps", "steps_low", "steps_high", "settled")}
    return BurnIn(
        int(found["steps"]),
        str(result.data.attrs["rule"]),
        bool(found["settled"]),
        result.parameters["method"],
        float(found["steps_low"]),
        float(found["steps_high"]),
    )


def burn_in(
    recording: Recording,
    *,
    agent: Agent | Policy | None = None,
    parameters: BurnInParameters | None = None,
    **settings: Any,
) -> Result:
    """Measure how long the memory takes to forget its start.

    Args:
        recording: what the agent saw and computed.
        agent: the agent of the recording, or its policy; None to judge by the recording alone.
        parameters: see `BurnInParameters`; single ones may be given by name instead.
        **settings: fields of `BurnInParameters` that replace those of `parameters`.

    Returns:
        A Result with, by `step` (decisions since the reset): `distance`, what is compared with `threshold` ();
        `typical`, its median over windows (forgetting) or its mean by chance (settling). `steps`, `steps_low`,
        `steps_high` (), decisions; `settled` ().

    Raises:
        UserError: a parameter is unknown or out of range, there is no such layer of memory, or the agent is not that
            of the recording.
        NotMeasurable: the agent has no recurrent core, or the recording is too short.
    """
    chosen = with_settings(parameters or BurnInParameters(), settings)
    layers = recording.layers_of("memory")
    if not layers:
        raise NotMeasurable(f"{recording.path}: its agent has no recurrent core; there is no start-up to measure")
    if chosen.layer is not None and chosen.layer not in layers:
        raise UserError(
            f"burn-in: layer {chosen.layer!r} is no memory of the recording; choose from {', '.join(layers)}"
        )
    return _measure(recording, agent, layers if chosen.layer is None else (chosen.layer,), chosen)


def _measure(
    recording: Recording, agent: Agent | Policy | None, layers: tuple[str, ...], parameters: BurnInParameters
) -> Result:
    lengths = np.array([each.stop - each.start for each in recording.episodes])
    horizon = min(parameters.most_steps, int(lengths.max()) // _LAST_SHARE)
    if horizon < 2:
        raise NotMeasurable(
            f"{recording.path}: its longest episode has {lengths.max()} decisions; burn-in needs at least "
            f"{2 * _LAST_SHARE}"
        )
    if agent is None:
        estimate, over = _settling(recording, layers, horizon, parameters)
        method, is_zero = "settling", True
    else:
        policy = _policy_of(agent, recording)
        estimate, over = _forgetting(recording, policy, layers, horizon, parameters)
        method = "forgetting"
        is_zero = not policy.initial_state(1).any()
    data = xarray.Dataset(
        {
            "distance": ("step", estimate.curve, {"units": "1", "long_name": f"distance, {method}"}),
            "typical": ("step", estimate.typical, {"units": "1"}),
            "threshold": ((), estimate.threshold),
            "steps": ((), estimate.steps, {"units": "decisions", "long_name": "burn-in"}),
            "steps_low": ((), estimate.low, {"units": "decisions"}),
            "steps_high": ((), estimate.high, {"units": "decisions"}),
            "settled": ((), estimate.settled),
        },
        coords={
            "step": ("step", np.arange(len(estimate.curve)), {"units": "decisions", "long_name": "time from the reset"})
        },
        attrs=clock_attributes(recording.world.clock)
        | {"rule": _rule(estimate, method, parameters, over, "zero" if is_zero else "its start")},
    )
    data.attrs["caption"] = _caption(data, estimate, method, parameters, over, layers)
    said = stated(parameters) | {"layers": list(layers), "method": method, "horizon_steps": horizon, "over": over}
    return Result("burn_in", data, said, provenance(recording=recording))


def _policy_of(agent: Agent | Policy, recording: Recording) -> Policy:
    if isinstance(agent, Policy):
        return agent
    require_same(recording, agent)
    return agent.policy


def _forgetting(
    recording: Recording, policy: Policy, layers: tuple[str, ...], horizon: int, parameters: BurnInParameters
) -> tuple[BurnInEstimate, int]:
    starts = _moments(recording, horizon, parameters)
    if len(starts) < 2:
        raise NotMeasurable(
            f"{recording.path}: no episode goes on for {2 * horizon} decisions, which two comparisons need; record more"
        )
    distances = _distances(recording, policy, layers, starts, horizon, parameters)
    estimate = forgetting(distances, parameters.tolerance, parameters.share, parameters.hold, seed=parameters.seed)
    return estimate, len(starts)


def _moments(recording: Recording, horizon: int, parameters: BurnInParameters) -> np.ndarray:
    """Rows with `horizon` decisions of their episode before and behind them, spread over as many episodes as there are.

    The past of a row is what the recorded state still remembers, so that there has to be some.
    """
    random = np.random.default_rng(parameters.seed)
    spans = [(each.start + horizon, each.stop - horizon) for each in recording.episodes]
    rounds: list[tuple[int, int]] = []
    for episode in random.permutation(len(spans)):
        first, last = spans[episode]
        # At most one moment per stretch of this length, so that windows of an episode hardly overlap.
        count = max(0, -(-(last - first + 1) // horizon))
        for number, row in enumerate(random.permutation(np.arange(first, last + 1))[:count]):
            rounds.append((number, int(row)))
    rounds.sort(key=lambda each: each[0])
    return np.sort([row for _, row in rounds[: parameters.windows]])


def _distances(
    recording: Recording,
    policy: Policy,
    layers: tuple[str, ...],
    starts: np.ndarray,
    horizon: int,
    parameters: BurnInParameters,
) -> np.ndarray:
    """(window, step) distance of the memory that was reset from the recorded one, relative to unrelated states."""
    state = policy.initial_state(len(starts))
    found: list[np.ndarray] = []
    unrelated = {layer: _distance_of_unrelated(recording, layer, starts) for layer in layers}
    with inference(), policy.capture(*layers) as activity:
        for offset in range(0, horizon, _CHUNK):
            count = min(_CHUNK, horizon - offset)
            rows = [
                recording.rows(int(row) + offset, int(row) + offset + count, ("observation", *layers)) for row in starts
            ]
            observations = np.stack([each["observation"].values for each in rows])
            recorded = {layer: np.stack([each[layer].values for each in rows]) for layer in layers}
            for step in range(count):
                pixels = torch.from_numpy(observations[:, step]).to(policy.device)
                state = policy.step(pixels, state).state
                distances = [
                    np.linalg.norm(activity[layer].cpu().numpy() - recorded[layer][:, step], axis=1) / unrelated[layer]
                    for layer in layers
                ]
                found.append(np.max(distances, axis=0))
            curve = np.quantile(np.array(found).T, parameters.share, axis=0)
            if (
                first_step_within(curve[: len(curve) - parameters.hold], parameters.tolerance, parameters.hold)
                is not None
            ):
                break
    return np.array(found).T


def _distance_of_unrelated(recording: Recording, layer: str, starts: np.ndarray) -> float:
    """Root mean square distance between recorded states at different windows."""
    states = np.stack([recording.rows(int(row), int(row) + 1, (layer,))[layer].values[0] for row in starts])
    # The mean square distance of two independent draws is twice the total variance.
    distance = float(np.sqrt(2 * states.astype(np.float64).var(axis=0, ddof=1).sum()))
    return distance if distance > 0 else 1.0


def _settling(
    recording: Recording, layers: tuple[str, ...], horizon: int, parameters: BurnInParameters
) -> tuple[BurnInEstimate, int]:
    lengths = np.array([each.stop - each.start for each in recording.episodes])
    chosen = np.flatnonzero(lengths >= 2 * horizon)[:_MOST_EPISODES]
    states = []
    for index in chosen:
        episode = recording.episodes[index]
        rows = recording.rows(episode.start, episode.stop, layers)
        states.append(np.concatenate([rows[layer].values for layer in layers], axis=1))
    try:
        estimate = settling(states, horizon, min(16, horizon), parameters.level, seed=parameters.seed)
    except UserError:
        nothing = np.full(horizon, np.nan)
        estimate = BurnInEstimate(horizon, np.nan, np.nan, False, nothing, nothing, np.nan)
    return estimate, len(chosen)


def _rule(estimate: BurnInEstimate, method: str, parameters: BurnInParameters, over: int, start: str) -> str:
    steps = f"the first {estimate.steps} decisions of every episode are left out"
    if method == "forgetting":
        within = f"{parameters.tolerance:.0%} of the distance between unrelated states"
        if estimate.settled:
            return (
                f"{steps}: by then, a state reset to {start} is within {within} of the recorded one in "
                f"{parameters.share:.0%} of {over} windows driven by the same observations"
            )
        return f"{steps}, the most that was looked at: a state reset to {start} is still not within {within}"
    if estimate.settled:
        return (
            f"{steps}: from then on the mean state over {over} episodes is not told from its late mean "
            f"({parameters.level:.0%} of what occurs by chance; the agent was not at hand to measure forgetting)"
        )
    return f"{steps}, the most that was looked at: {over} episodes that are long enough do not show that it settles"


def _caption(
    data: xarray.Dataset,
    estimate: BurnInEstimate,
    method: str,
    parameters: BurnInParameters,
    over: int,
    layers: tuple[str, ...],
) -> str:
    rule, seconds = data.attrs["rule"], estimate.steps * data.attrs["seconds_per_decision"]
    sentences = [f"{rule[0].upper()}{rule[1:]}" + (f" ({seconds:.1f} s)." if data.attrs["clock_units"] == "s" else ".")]
    if len(layers) > 1:
        how = "the one that is farthest counts" if method == "forgetting" else "side by side"
        sentences.append(f"Layers of memory: {', '.join(layers)}; {how}.")
    if method == "forgetting":
        sentences.append(
            f"n = {over} windows from the middle of episodes. Distance: Euclidean, over all units, relative to the "
            f"root mean square distance of recorded states in different windows. Line: median over windows; "
            f"edge of the band: {parameters.share:.0%} quantile, which has to stay below {parameters.tolerance:.0%}."
        )
        sentences.append(f"95% bootstrap interval over windows: {estimate.low:.0f} to {estimate.high:.0f} decisions.")
    else:
        sentences.append(
            f"n = {over} episodes. Deviation of the mean over episodes from the late mean, in late standard "
            f"deviations, root mean square over units and {min(16, len(data['step']))} decisions; chance from "
            "stretches of the late part."
        )
        if np.isfinite(estimate.threshold):
            sentences.append(f"A shift of {estimate.threshold:.2f} standard deviations would be seen.")
    return " ".join(sentences)


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    caption = result.data.attrs["caption"]
    return [FigureDrawing("burn_in", "How the memory forgets its start", caption, lambda: figures.burn_in(result))]


ANALYSIS = Analysis(
    name="burn_in",
    title="Recurrent start-up",
    group="behaviour",
    summary="For how many decisions after a reset the memory still shows that it was reset.",
    run=burn_in,
    parameters=BurnInParameters,
    of="recording",
    needs=(RECORDING, MEMORY),
    draw=_draw,
    functions=(choose_burn_in,),
    rank=10,
    methods="""
        {% if method == "forgetting" %}How long the memory ({{ layers | listed }}) takes to forget its start was
        measured by resetting the whole recurrent state at {{ over }} moments amid recorded episodes and showing
        the same observations again. The start counts as forgotten once, in a share of {{ share }} of these
        windows, the distance to the state that was never reset is within {{ tolerance }} of the distance
        between unrelated states, and stays so for {{ hold }} decisions.{% else %}How long the memory ({{ layers
        | listed }}) takes to settle was judged by the recording alone, from {{ over }} episodes: until the mean
        state over episodes differs from what it is late in the episodes by no more than the {{ level }}
        quantile of what chance gives.{% endif %} {% if found.settled %}This took {{ found.steps }} decisions{%
        else %}This was not reached within the {{ horizon_steps }} decisions that were looked at, and {{
        found.steps }} were taken{% endif %}; analyses of the memory leave out so many at the start of every
        episode, unless another number is given for them (seed {{ seed }}).
    """,
)

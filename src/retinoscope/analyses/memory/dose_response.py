"""What the agent decides when its memory is pushed along a direction, by how far: at once, and afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, one_thread
from retinoscope.analyses.declaration import AGENT, FRAMES, MEMORY, RECORDING, Analysis, Given
from retinoscope.analyses.early_vision.untrained import Untrained
from retinoscope.analyses.memory.directions import WORDS, Pushed, States, pushed_along, rows_of_note, states_of
from retinoscope.analyses.memory.dose_response_drawings import drawings_of_doses, panels_of_doses
from retinoscope.analyses.memory.doses import Measured, measured_doses
from retinoscope.analyses.memory.fitted_components import NAME as FITTED
from retinoscope.analyses.memory.fitted_components import fitted_components, fitted_of
from retinoscope.analyses.memory.held_views import Stretches, replayed_states
from retinoscope.analyses.recorded import clock_attributes, require_agent, require_same
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.rollouts.intervention import editable_layer
from retinoscope.settings import parameters, setting, stated, with_settings

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording


@parameters("dose response")
class DoseResponseParameters:
    """Parameters of `dose_response`."""

    directions: tuple[str, ...] | None = setting(
        None, f"along which the memory is pushed: {WORDS}; none for all components", fewest=1
    )
    do: Literal["clamp", "add"] = setting(
        "clamp", "clamp: hold the activation at the dose, counted from its mean; add: add the dose to it"
    )
    doses: tuple[float, ...] = setting(
        (-3, -2, -1, 0, 1, 2, 3), "sizes of the push", units="standard deviations", fewest=2
    )
    decisions: int = setting(
        256, "number of decisions of the recording that are made again, spread over it", units="decisions", least=8
    )
    moments: str | None = setting(
        None, "FILE:1, a note of the explorer's, whose moments are pushed instead; none for decisions spread over all"
    )
    follow_steps: int = setting(
        16,
        "number of decisions that are followed after one push, with the views of the recording",
        units="decisions",
        least=1,
    )
    followed: int = setting(64, "number of moments that are followed, at most", least=2)
    random_directions: int = setting(
        8, "number of random directions beside each direction, which explain as much variance", least=1
    )
    untrained: bool = setting(True, "also measure the network before its training, or else one with random weights")
    seed: int = setting(0, "seed of random directions, of donors, and of random weights", least=0)


def dose_response(
    recording: Recording,
    *,
    agent: Agent,
    given: Given | None = None,
    parameters: DoseResponseParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Make recorded decisions again with the memory pushed along a direction.

    The layer of the memory that the components are of is edited before anything reads it; of an LSTM h, never c. Three
    experiments, each with random directions that explain as much of the variance of the memory:

    - at once: the activation is held at every dose, or the dose is added to it, and the actor's answer compared with
      that of the same decision unedited.
    - steering: the largest dose is added once, and the views that followed in the recording are shown.
    - patching: the state that enters is replaced by that of a decision in another episode, all of it or its part along
      the direction, and the same views are shown.

    Args:
        recording: what the agent saw, and the states of its memory.
        agent: that of the recording.
        given: the Result of `fitted_components`, if it is at hand.
        parameters: see `DoseResponseParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error.
        **settings: fields of `DoseResponseParameters` that replace those of `parameters`.

    Returns:
        A Result. By `direction` and `dose`: `divergence` (Kullback-Leibler, of the actions from those unedited, nats),
        `value_change`, and by `output` `change` (of its probability; of the numbers of continuous actions), each with
        `_low` and `_high` (95%, bootstrap over episodes); the same of the mean over its random directions as
        `random_NAME`, without intervals, and `random_divergence_most` (direction, dose), the largest of them. `p`
        (direction): share of all random directions whose mean divergence over doses is at least as large, relative to
        the mean of those of the same size. By `direction` and `lag`: `steered` and `patched`, divergence from what is
        decided unedited, with `_low`, `_high` and `random_`; `patched_whole` (direction, lag) of the whole state.
        `explained`, `kind`, `number` (direction). Of an untrained network `untrained_divergence` and
        `untrained_random_divergence` (direction, dose), its own component, unit or decoder in the place of the agent's;
        NaN where it has none.

    Raises:
        UserError: a parameter is unknown or out of range, the recording is of another agent, or there is no such
            direction.
        NotMeasurable: the agent's memory is computed out of sight, or the recording does not hold its states.
    """
    chosen = with_settings(parameters or DoseResponseParameters(), settings)
    require_agent(agent, "dose response")
    require_same(recording, agent)
    if "state_entering" not in recording.columns:
        raise NotMeasurable(f"{recording.path}: does not hold the states of the memory that entered decisions")
    fit = (given or {}).get(FITTED) or fitted_components(recording, agent=agent, given=given)
    layer = editable_layer(agent.policy, fit.parameters.get("layer"))
    fitted, stretches = fitted_of(fit), Stretches.of(recording)
    states = states_of(recording, layer)
    words = chosen.directions or tuple(f"component:{number}" for number in range(fitted.components.count))
    along = [found for word in words if (found := pushed_along(word, fitted, states)) is not None]
    rows = _rows(recording, stretches, chosen)
    other, other_name, why_not = _untrained(agent, chosen)
    count = len(along) * (2 if other is not None else 1)
    with one_thread(), progress_bar("directions", count, progress) as advance:
        measured = measured_doses(agent.policy, states, along, fitted, rows, chosen, advance)
        reference = None
        if other is not None:
            reference = _reference(other, states, stretches, words, fit, rows, chosen, advance)
    return _to_result(measured, reference, along, recording, fit, chosen, f"{other_name}{why_not}", len(rows))


def _rows(recording: Recording, stretches: Stretches, chosen: DoseResponseParameters) -> np.ndarray:
    if chosen.moments is None:
        flat = stretches.flat
        return flat[np.unique(np.linspace(0, len(flat) - 1, chosen.decisions).round().astype(np.int64))]
    path, colon, number = chosen.moments.rpartition(":")
    if not colon or not number.isdecimal():
        raise UserError(f"moments {chosen.moments!r}: write FILE:1 with the number of a note in it")
    rows = np.unique(rows_of_note(path, int(number)))
    if not 0 <= rows[0] <= rows[-1] < recording.frames:
        raise UserError(f"{path}: note {number} is about row {rows[-1]}; {recording.path} has {recording.frames} rows")
    return rows


def _untrained(agent: Agent, chosen: DoseResponseParameters) -> tuple[Policy | None, str, str]:
    if not chosen.untrained:
        return None, "", ""
    found = Untrained.one_of(agent, chosen.seed)
    if found.first is not None:
        return found.first, "the network before training", ""
    return (found.draws[0], "the network with weights drawn anew", "") if found.draws else (None, "", found.why_not)


def _reference(
    policy: Policy,
    states: States,
    stretches: Stretches,
    words: tuple[str, ...],
    fit: Result,
    rows: np.ndarray,
    chosen: DoseResponseParameters,
    advance: Any,
) -> dict[str, Measured]:
    """The same of another network, by word: its states are what it would have been in, had it seen the same."""
    recording, layer = states.recording, states.layer
    columns = policy.state_columns(layer)
    if columns is None:
        return {}
    entered = replayed_states(policy, recording, stretches)
    activity = entered[..., columns]
    try:
        own = fitted_of(fitted_components(activity, components=fit.parameters["components"]))
    except NotMeasurable:
        return {}
    replayed = States(recording, layer, stretches.flat, activity.reshape(states.activity.shape).astype(float), False)
    along = []
    for word in words:
        try:
            along.append(pushed_along(word, own, replayed))
        except UserError:  # it has fewer dimensions, or what the agent reads never changes in it
            along.append(None)
    place = np.searchsorted(stretches.flat, rows)
    there = place < len(stretches.flat)
    there[there] = stretches.flat[place[there]] == rows[there]
    if there.sum() < 2:
        return {}
    entering = entered.reshape(-1, entered.shape[-1])[place[there]]
    kept = [each for each in along if each is not None]
    found = measured_doses(policy, replayed, kept, own, rows[there], chosen, advance, entering)
    return dict(zip([each.name for each in kept], found, strict=True))


def _to_result(
    measured: list[Measured],
    reference: dict[str, Measured] | None,
    along: list[Pushed],
    recording: Recording,
    fit: Result,
    chosen: DoseResponseParameters,
    other: str,
    decisions: int,
) -> Result:
    data = xarray.concat([each.data for each in measured], "direction").assign_coords(
        direction=[each.name for each in along], dose=("dose", list(chosen.doses), {"units": "standard deviations"})
    )
    data = data.assign(
        kind=("direction", [each.kind for each in along]),
        number=("direction", [each.number for each in along]),
        explained=("direction", [each.explained for each in along], {"units": "share of the variance of the memory"}),
        p=("direction", _p_values(measured)),
    )
    for name in ("divergence", "random_divergence"):
        nothing = np.full(len(chosen.doses), np.nan)
        rows = [
            reference[each.name].data[name].values if reference and each.name in reference else nothing
            for each in along
        ]
        data[f"untrained_{name}"] = (("direction", "dose"), np.stack(rows), {"units": "nats"})
    data.attrs |= clock_attributes(recording.world.clock) | {"layer": str(fit.parameters.get("layer"))}
    data.attrs["decisions"] = decisions
    data.attrs["untrained"] = other if reference else ""
    data.attrs["caption"] = _caption(data, recording, fit, chosen, decisions)
    return Result("dose_response", data, fit.parameters | stated(chosen), provenance(recording=recording))


def _p_values(measured: list[Measured]) -> np.ndarray:
    """Share of all random directions that move the actions at least as much, as (C + 1) / (n + 1).

    Each is compared in multiples of the mean over the random directions of its own size, so that all of them count.
    """
    means = [max(float(each.random_means.mean()), 1e-12) for each in measured]
    randoms = np.concatenate([each.random_means / mean for each, mean in zip(measured, means, strict=True)])
    own = np.array([each.mean / mean for each, mean in zip(measured, means, strict=True)])
    exceeding = (randoms[None] >= own[:, None] - 1e-12).sum(axis=1)
    return np.where(np.isfinite(own), (exceeding + 1) / (len(randoms) + 1), np.nan)


def _caption(
    data: xarray.Dataset, recording: Recording, fit: Result, chosen: DoseResponseParameters, decisions: int
) -> str:
    done = "held at the dose from its mean" if chosen.do == "clamp" else "moved by the dose"
    sentences = [
        f"{decisions:,} recorded decisions of {len(recording.episodes)} episodes made again with the memory "
        f"({data.attrs['layer']}) {done} along a direction, in standard deviations of its activation.",
        f"Components: {fit.parameters['components']} ({fit.parameters['found_by']}).",
        "Intervals: 95%, bootstrap over episodes.",
        f"Random: {chosen.random_directions} directions beside each, that explain as much of the variance; p: share of "
        "all of them that move the actions at least as much as their like do on average, over all doses.",
    ]
    if data.attrs["untrained"]:
        sentences.append(
            f"Untrained: {data.attrs['untrained']}, shown the same, along its own directions of that name."
        )
    return " ".join(sentences)


ANALYSIS = Analysis(
    name="dose_response",
    title="Pushing the memory",
    group="memory",
    summary="What the agent decides when its memory is pushed along a direction, by how far, at once and afterwards.",
    run=dose_response,
    parameters=DoseResponseParameters,
    of="recording",
    needs=(RECORDING, AGENT, MEMORY, FRAMES),
    builds_on=(FITTED,),
    draw=drawings_of_doses,
    explore=panels_of_doses,
    rank=45,
    methods="""
        Recorded decisions ({{ found.decisions }}) were made again with the memory {% if do == "clamp" %}held at{% else
        %}moved by{% endif %} {{ doses | listed }} standard deviations along each of {{ sizes.direction }} directions,
        and what the actor would then do was compared with what it would do otherwise by the Kullback-Leibler
        divergence, with {{ interval }}% bootstrap intervals over episodes [@efron1993]. Beside each direction stand {{
        random_directions }} random ones in the space of the components that explain as much of the variance. The
        largest dose was also added once, and states of other episodes were put in the place of those that entered; the
        views that followed in the recording were then shown for {{ follow_steps }} decisions (seed {{ seed }}).
    """,
)

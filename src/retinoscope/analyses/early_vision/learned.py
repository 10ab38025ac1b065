"""How much was learned: weights and receptive fields beside those of before training, and beside chance.

A network that nobody trained has receptive fields too, and random ones can look like something. So everything here is
relative to the checkpoint of before training of the agent's own run, and beside what independent initialisations of
the same network give.

**Share learned** of a layer is 1 - r^2, where r is Pearson's correlation of all its weights (biases left out) with the
same weights before training: the share of their variance that the initialisation does not explain. Weights that only
shrank or grew have learned nothing by this measure, and weights that drifted at random have: it says how much is new,
and not that there is structure in it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.agents.policy import Policy
from retinoscope.agents.redrawn import first_of_run, redrawn
from retinoscope.analyses.checkpoints import checkpoints_in_turn
from retinoscope.analyses.declaration import AGENT, Analysis, Given
from retinoscope.analyses.early_vision.learned_drawings import drawings, panels
from retinoscope.analyses.early_vision.learned_fields import changes_of_fields
from retinoscope.analyses.early_vision.learned_line import NOT_KNOWN, learned_line, weight_matrices
from retinoscope.analyses.early_vision.receptive_field_parameters import ends_of_stages, maps_of_encoder
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.learned import Change, change, share_learned

Weights = dict[str, list[NDArray[Any]]]

_WIDTH = 1.96  # standard deviations on either side of a mean that hold 95%


@parameters("learned")
class LearnedParameters:
    """Parameters of `learned`."""

    before: str | Path | pydantic.InstanceOf[Agent] | None = setting(
        None, "the agent before training, or its name or file; none for the first checkpoint of its run"
    )
    untrained: int = setting(
        8,
        "number of independent initialisations of the same network, each compared with the one before training",
        least=2,
    )
    fields: bool = setting(True, "measure receptive fields before training, too, and compare them unit by unit")
    seed: int = setting(0, "seed of the initialisations and the stimuli", least=0)


def learned(
    agent: Agent,
    *,
    given: Given | None = None,
    parameters: LearnedParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """How far weights and receptive fields have come from those of before training.

    Args:
        agent: any checkpoint of a run, or any agent with `before`.
        given: its `receptive_fields`; without them they are measured.
        parameters: see `LearnedParameters`; single ones may be given by name instead.
        progress: show progress bars on standard error if that is a terminal.
        **settings: fields of `LearnedParameters` that replace those of `parameters`.

    Returns:
        A Result over `checkpoint` (those of the run and the agent; coordinates `frames_trained` and
        `checkpoint_sha256`; attribute `this` is the number of the agent) and `layer`, all that have weights:
        `correlation`, `share_learned`, `norm_growth` and `subspace_overlap` (checkpoint, layer), see `Change`;
        `subspace_overlap_by_chance` (layer). Of the independent initialisations `untrained_correlation` and
        `untrained_overlap` (initialisation, layer); `untrained_correlation_low` and `..._high` (layer), 95% of them;
        `untrained_unit_low` and `..._high` (layer), 95% of single units. NaN where the network cannot be drawn anew.
        For every layer (here conv1) of the agent itself `conv1_correlation` and `conv1_norm_growth` (conv1_weights), by
        row of its weights (attribute `is_by_unit`: a row is a unit). For every map whose fields were measured:
        `conv1_field_correlation`, `conv1_field_corrected` (conv1_unit), see `learned_fields`. Attribute `summary`: the
        one line.

    Raises:
        UserError: a parameter is unknown or out of range, or `before` is another network.
        NotMeasurable: there is no checkpoint of before training.
    """
    chosen = with_settings(parameters or LearnedParameters(), settings)
    first = _first(agent, chosen)
    before = weight_matrices(first.policy)
    if not before:
        raise NotMeasurable(f"agent {agent.name!r}: no layer is known to have weights")
    names = list(before)
    rows = _in_turn(agent, first, before)
    this = next(number for number, row in enumerate(rows) if row.is_this)
    dims = ("checkpoint", "layer")
    r = np.array([[row.changes[name].correlation for name in names] for row in rows])
    variables: dict[str, Any] = {
        "correlation": (dims, r, {"units": "1", "long_name": "correlation of weights with those before training"}),
        "share_learned": (dims, share_learned(r), {"units": "1", "long_name": "share learned, 1 - r^2"}),
        "norm_growth": (dims, _table(rows, names, "growth"), {"units": "1", "long_name": "norm relative to the first"}),
        "subspace_overlap": (
            dims,
            _table(rows, names, "overlap"),
            {"units": "1", "long_name": "overlap of row spaces"},
        ),
        "subspace_overlap_by_chance": ("layer", _table(rows[:1], names, "overlap_by_chance")[0], {"units": "1"}),
    }
    for name, each in rows[this].changes.items():
        is_by_unit = int(len(each.unit_correlations) == _units(agent.policy, name))
        about = {"units": "1", "is_by_unit": is_by_unit}
        variables[f"{name}_correlation"] = (f"{name}_weights", each.unit_correlations, about)
        variables[f"{name}_norm_growth"] = (f"{name}_weights", each.unit_growths, {"units": "1"})
    variables |= _of_chance(first.policy, before, chosen)
    line = learned_line(agent, first)
    compared: list[str] = []
    of_fields = ""
    if chosen.fields:
        found, compared, of_fields = changes_of_fields(agent, first, given, chosen.seed, progress)
        variables |= found
    drawn = _drawn(agent.policy, names)
    data = xarray.Dataset(
        variables,
        coords={
            "layer": names,
            "frames_trained": ("checkpoint", [row.frames for row in rows], {"units": "frames"}),
            "checkpoint_sha256": ("checkpoint", [row.sha256 for row in rows]),
        },
        attrs={
            "summary": line.text,
            "this": this,
        },
    )
    data.attrs["caption"] = " ".join(filter(None, [_caption(data, chosen, len(drawn)), of_fields]))
    said = stated(dataclasses.replace(chosen, before=str(first.checkpoint or first.name)))
    said |= {"layers_drawn": drawn, "fields_of": compared}
    return Result("learned", data, said, provenance(agent=agent, before_sha256=first.checkpoint_sha256))


@dataclasses.dataclass(frozen=True)
class _Row:
    """One checkpoint beside the first; `frames` is NaN where it is not known."""

    frames: float
    sha256: str
    changes: dict[str, Change]
    is_this: bool = False


def _first(agent: Agent, chosen: LearnedParameters) -> Agent:
    given = chosen.before
    first = given if isinstance(given, Agent) else first_of_run(agent) if given is None else load_agent(given)
    if first is None:
        reason = f"{NOT_KNOWN[0].lower()}{NOT_KNOWN[1:]}"
        raise NotMeasurable(f"agent {agent.name!r}: {reason}; name one with learned.before")
    return first


def _in_turn(agent: Agent, first: Agent, before: Weights) -> list[_Row]:
    """All checkpoints of the run by frames trained, the first and the agent among them; one at a time is held."""

    def row(each: Agent, frames: int | None, is_this: bool = False) -> _Row:
        known = float("nan") if frames is None else float(frames)
        return _Row(known, each.checkpoint_sha256, _changes(before, each.policy), is_this)

    is_same = agent is first or first.checkpoint_sha256 == agent.checkpoint_sha256 != ""
    rows = [row(agent, agent.frames_trained, is_this=True)] + ([] if is_same else [row(first, 0)])
    with contextlib.suppress(NotMeasurable):  # of no run there are these two
        for each in checkpoints_in_turn(agent):
            if each.checkpoint_sha256 not in [there.sha256 for there in rows]:
                rows.append(row(each, each.frames_trained))
    return sorted(rows, key=lambda each: float("inf") if np.isnan(each.frames) else each.frames)


def _changes(before: Weights, policy: Policy) -> dict[str, Change]:
    after = weight_matrices(policy)
    if list(after) != list(before):
        raise UserError(
            f"before: has layers {', '.join(before)}, the agent {', '.join(after)}; give the same network before "
            "training"
        )
    return {name: change(before[name], after[name]) for name in before}


def _table(rows: Sequence[_Row], names: Sequence[str], what: str) -> NDArray[np.float64]:
    """(checkpoint, layer) one number of each change."""
    return np.array([[getattr(row.changes[name], what) for name in names] for row in rows])


def _units(policy: Policy, name: str) -> int:
    """Units, or channels of a map, of a layer that can be recorded; 0 of actor and critic, whose weights may be one."""
    layer = next((each for each in policy.layers if each.name == name and each.role not in ("value", "policy")), None)
    return 0 if layer is None else layer.shape[0] if layer.is_map else math.prod(layer.shape)


def _of_chance(policy: Policy, before: Weights, chosen: LearnedParameters) -> dict[str, Any]:
    """What independent initialisations give; NaN where the network cannot be drawn anew."""
    names = list(before)
    found: list[dict[str, Change]] = []
    with contextlib.suppress(NotMeasurable):
        for seed in np.random.SeedSequence(chosen.seed).generate_state(chosen.untrained):
            found.append(_changes(before, redrawn(policy, int(seed))))
    shape = (chosen.untrained, len(names))
    tables = {
        what: np.array([[getattr(each[name], what) for name in names] for each in found])
        if len(found) == chosen.untrained
        else np.full(shape, np.nan)
        for what in ("correlation", "overlap")
    }
    r = tables["correlation"]
    middle, spread = r.mean(axis=0), r.std(axis=0, ddof=1)
    ends = {"low": middle - _WIDTH * spread, "high": middle + _WIDTH * spread}
    units = {
        name: np.quantile(np.concatenate([each[name].unit_correlations for each in found]), (0.025, 0.975))
        if len(found) == chosen.untrained
        else np.full(2, np.nan)
        for name in names
    }
    dims, one = ("initialisation", "layer"), {"units": "1"}
    return {
        "untrained_correlation": (dims, r, one),
        "untrained_overlap": (dims, tables["overlap"], one),
        **{f"untrained_correlation_{end}": ("layer", values, one) for end, values in ends.items()},
        "untrained_unit_low": ("layer", [units[name][0] for name in names], one),
        "untrained_unit_high": ("layer", [units[name][1] for name in names], one),
    }


def _drawn(policy: Policy, names: Sequence[str]) -> list[str]:
    """The layers that figures have room for: of a deep network the ends of its stages, and what is behind them."""
    maps = maps_of_encoder(policy)
    of_maps = [layer.name for layer in maps if layer.name in names]
    ends = [layer.name for layer in ends_of_stages([layer for layer in maps if layer.name in names])]
    return [name for name in names if name not in of_maps or name in ends]


def _caption(data: xarray.Dataset, chosen: LearnedParameters, drawn: int) -> str:
    count, left_out = data.sizes["checkpoint"], data.sizes["layer"] - drawn
    sentences = [
        f"n = {count} checkpoints of one run, beside the first, before training."
        if count > 2
        else "The agent beside the checkpoint of before training.",
        "Share learned: 1 − r², r the correlation of all weights of a layer (biases left out) with the same weights "
        "before training: what the initialisation does not explain. It says how much is new, not that there is "
        "structure in it.",
        f"Grey: where r of single units lies in 95% of the cases for {chosen.untrained} independent initialisations."
        if np.isfinite(data["untrained_correlation"]).any()
        else "This network cannot be drawn anew: what independent initialisations would give is not known.",
        "Below: vertical, this agent. Overlap of what a layer reads, before and after: mean squared cosine of "
        "principal angles; dotted: of random subspaces.",
        f"{left_out} further layers are in the table." if left_out else "",
    ]
    return " ".join(filter(None, sentences))


ANALYSIS = Analysis(
    name="learned",
    title="How much was learned",
    group="early_vision",
    summary="Weights and receptive fields, compared with those before training and with chance.",
    run=learned,
    parameters=LearnedParameters,
    of="agent",
    needs=(AGENT,),
    builds_on=("receptive_fields",),
    draw=drawings,
    explore=panels,
    is_reusable=False,
    rank=10,
    methods="""
        How much was learned is measured against the network before training. The share learned of a layer is
        one less the squared correlation of all its weights (without biases) with the same weights before
        training: what the initialisation does not explain. The same was computed for {{ sizes.checkpoint }}
        networks of the run, the agent included, and for {{ untrained }} independent initialisations{% if fields
        %}; receptive fields were compared with those before training unit by unit, by their correlation{% endif
        %} (seed {{ seed }}).
    """,
)

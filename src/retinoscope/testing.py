"""The suite that every analysis has to pass, ours and those of other packages: `check_analysis(ANALYSIS)`.

An analysis is run on small planted recordings: an agent with a memory, one without, one with a single head of actions,
a life in which nothing happens, a single episode, a recording that was killed, and a recording without its agent. On
each it has to give a Result that can be saved, read again and drawn, or to say in one line why it cannot be made.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray

from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.policy import ActionHead, inference
from retinoscope.analyses.declaration import Analysis, Inputs
from retinoscope.analyses.drawing import FigureDrawing, MovieDrawing, RecordedMovieDrawing, TableDrawing
from retinoscope.analyses.registry import all_analyses
from retinoscope.errors import NotMeasurable
from retinoscope.page.products import OMITTED
from retinoscope.result import Result, load_result
from retinoscope.settings import with_settings
from retinoscope.workflows.running import computed

VIEW = (24, 20, 3)
HEADS = {"turn": ("none", "left", "right"), "move": ("none", "forward", "backward")}
CLASSES = {"poison": -20, "stone": 0, "fruit": 25}
DECISIONS = 240
KEPT = 0.6
"""Share of its state that the planted memory keeps from one decision to the next, whatever it sees."""

_APART = 12  # decisions from one pick-up to the next
_SHA256 = "ab" * 32

CASES = ("agent with memory", "no memory", "one head", "nothing happens", "one episode", "killed", "no agent")
"""The planted recordings, by name."""


@dataclass(frozen=True)
class Checked:
    """What the suite found.

    Attributes:
        inputs: what the analysis was run on.
        result: the Result; None where the analysis said why it cannot be made.
        reason: that reason, one line; empty where there is a Result.
    """

    inputs: Inputs
    result: Result | None
    reason: str


def check_analysis(
    analysis: Analysis,
    case: str | Inputs = CASES[0],
    settings: Mapping[str, Any] | None = None,
    of_bases: Mapping[str, Mapping[str, Any]] | None = None,
) -> Checked:
    """Run an analysis as `analyze` does, save, read again and draw.

    Args:
        analysis: which.
        case: one of `CASES`, or inputs of your own.
        settings: its parameters, so that it takes no longer than it has to.
        of_bases: parameters of the analyses it builds on, by their names.

    Raises:
        AssertionError: the Result is not the same after saving, a drawing has no caption or draws nothing, or the
            reason is not one line.
    """
    inputs = planted_inputs(case) if isinstance(case, str) else case
    with tempfile.TemporaryDirectory(prefix="retinoscope-") as folder:
        inputs = dataclasses.replace(inputs, cache=Path(folder))
        try:
            result = _made(analysis, inputs, {**(of_bases or {}), analysis.name: settings or {}})
            reason = result.data.attrs.get(OMITTED)
        except NotMeasurable as error:  # of those that are always made
            reason = str(error)
        if reason is not None:
            assert reason and "\n" not in reason, f"{analysis.name}: the reason is not one line: {reason!r}"
            return Checked(inputs, None, str(reason))
        _check_saving(result, Path(folder))
        if not analysis.is_shared:
            _check_drawings(analysis, result, inputs)
    return Checked(inputs, result, "")


def planted_inputs(case: str) -> Inputs:
    """Agent and recording of a case: random views, what the agent computes from them, and pick-ups now and then."""
    assert case in CASES, f"{case!r}: choose from {', '.join(CASES)}"
    agent = _agent(
        rnn="none" if case == "no memory" else "gru", heads={"turn": HEADS["turn"]} if case == "one head" else HEADS
    )
    recording = _recording(
        agent,
        episode_lengths=[DECISIONS] if case == "one episode" else [80, 80, 80],
        has_events=case != "nothing happens",
        is_complete=case != "killed",
    )
    return Inputs(None if case == "no agent" else agent, recording)


def _agent(rnn: Any, heads: Mapping[str, tuple[str, ...]]) -> Agent:
    shape = {"global_channels": 3, "retinal_bottleneck": 2, "kernel_size": 3, "hidden_size": 12, "rnn_size": 8}
    config = NetworkConfig(**shape, rnn=rnn)
    named = tuple(ActionHead(name, outputs) for name, outputs in heads.items())
    policy = ActorCriticPolicy.untrained(NetworkDescription(config, VIEW, named), seed=0)
    policy.network.pixel_mean.fill_(100.0)
    policy.network.pixel_scale.fill_(50.0)
    if policy.network.rnn is not None:
        _plant_memory(policy.network.rnn)
    return Agent("planted", policy, checkpoint_sha256=_SHA256)


def _plant_memory(memory: Any) -> None:
    """In h = (1 - z) n + z h the gate z is `KEPT` and n does not look at h, so that it is known how it forgets."""
    size = memory.hidden_size
    with torch.no_grad():
        memory.weight_hh_l0.zero_()
        memory.bias_hh_l0.zero_()
        memory.weight_ih_l0[: 2 * size] = 0
        memory.bias_ih_l0[: 2 * size] = 0
        memory.bias_ih_l0[size : 2 * size] = float(np.log(KEPT / (1 - KEPT)))
        memory.weight_ih_l0[2 * size :] *= 3


def _recording(agent: Agent, episode_lengths: list[int], has_events: bool, is_complete: bool) -> Any:
    # Imported here, so that the suite can be imported where nothing is stored.
    from retinoscope.rollouts import ArrayRecording

    random = np.random.default_rng(7)
    policy, lived = agent.policy, sum(episode_lengths)
    if not is_complete:
        lived -= 25  # the last episode ends where the recorder was killed
    observations = _views(lived, random)
    activity = _lived(agent, observations, episode_lengths)
    pickups = np.zeros((lived, len(CLASSES)), np.uint8)
    if has_events:
        # Far enough apart to be events of their own, healing and harmful in turn.
        rows = np.arange(5, lived - 5, _APART)
        pickups[rows, np.where(np.arange(len(rows)) % 2, 0, 2)] = 1
    effects = np.array(list(CLASSES.values()))
    heads = {head.name: list(head.outputs) for head in policy.action_heads}
    columns = {
        "observation": observations,
        **activity,
        "action": np.stack([random.integers(len(each), size=lived) for each in heads.values()], 1).astype(np.int8),
        "reward": (pickups @ effects * 0.1).astype(np.float32),
        "pickups": pickups,
        "health": np.clip(100 + np.cumsum(pickups @ effects - 0.5), 1, 200).astype(np.float32),
        "position": np.cumsum(random.normal(size=(lived, 2)), 0).astype(np.float32),
        "angle": random.uniform(0, 360, lived).astype(np.float32),
    }
    ends = [each for each in np.cumsum(episode_lengths) if each <= lived]
    return ArrayRecording(
        columns,
        layers=[name for name in ("fc", "rnn") if name in columns],
        episode_lengths=np.diff([0, *ends]).tolist() or None,
        objects=[
            [{"class_index": row % 3, "box": np.array([2, 3, 5, 5], np.float32), "distance": 50.0 + row % 90}]
            if row % 4
            else []
            for row in range(lived)
        ],
        attributes={
            "agent": agent.name,
            "checkpoint_sha256": _SHA256,
            "arena_sha256": "cd" * 32,
            "scenario": "name: planted\nhealth: {start: 100, maximum: 200}\n",
            "seed": 0,
            "class_names": list(CLASSES),
            "class_effects": list(CLASSES.values()),
            "action_heads": heads,
            "frame_skip": 4,
            "tics_per_second": 40,  # ten decisions a second
            "complete": is_complete,
        },
        name="planted.zarr",
    )


def _views(count: int, random: np.random.Generator) -> np.ndarray:
    """(time, height, width, channel) uint8: a bright patch that wanders over noise."""
    views = random.integers(40, 160, (count, *VIEW))
    row, column = (np.abs(np.cumsum(random.normal(0, 0.7, count))).astype(int) % (side - 6) for side in VIEW[:2])
    for number in range(count):
        views[number, row[number] : row[number] + 6, column[number] : column[number] + 6] += 90
    return views.astype(np.uint8)


def _lived(agent: Agent, observations: np.ndarray, episode_lengths: list[int]) -> dict[str, np.ndarray]:
    """What the agent computes from the views, its memory reset where an episode begins."""
    policy, starts = agent.policy, {0, *np.cumsum(episode_lengths).tolist()}
    names = [layer.name for layer in policy.layers if layer.kind in ("dense", "recurrent")]
    found: dict[str, list[np.ndarray]] = {name: [] for name in (*names, "state_entering", "logits", "value")}
    state = policy.initial_state(1)
    with inference(), policy.capture(*names) as activity:
        for row, view in enumerate(observations):
            if row in starts:
                state = policy.initial_state(1)
            found["state_entering"].append(state[0].numpy())
            step = policy.step(torch.from_numpy(view)[None], state)
            state = step.state
            for name in names:
                found[name].append(activity[name][0].numpy())
            found["logits"].append(step.logits[0].numpy())
            found["value"].append(step.value[0].numpy())
    joined = {name: np.stack(values).astype(np.float32) for name, values in found.items()}
    if not policy.state_size:
        del joined["state_entering"]
    return joined | {"value": joined["value"].reshape(-1)}


def _made(analysis: Analysis, inputs: Inputs, settings: Mapping[str, Mapping[str, Any]]) -> Result:
    """Its Result, behind those it builds on."""
    results: dict[str, Result] = {}
    for each in _with_bases(analysis):
        chosen = with_settings(each.parameters(), settings.get(each.name, {}))
        results[each.name] = computed(each, inputs, chosen, results)
    return results[analysis.name]


def _with_bases(analysis: Analysis) -> Iterator[Analysis]:
    for name in analysis.builds_on:
        yield from _with_bases(all_analyses()[name])
    yield analysis


def _check_saving(result: Result, folder: Path) -> None:
    again = load_result(result.save(folder / f"{result.analysis}.nc"))
    xarray.testing.assert_equal(again.data, result.data)
    assert again.parameters == result.parameters, f"{result.analysis}: other parameters after saving"
    assert again.provenance == result.provenance, f"{result.analysis}: another provenance after saving"


def _check_drawings(analysis: Analysis, result: Result, inputs: Inputs) -> None:
    drawings = analysis.draw(result)
    assert drawings, f"{analysis.name}: draws nothing"
    for each in drawings:
        where = f"{analysis.name}: drawing {each.name!r}"
        assert each.title and each.caption, f"{where} has no title or no caption"
        if isinstance(each, FigureDrawing):
            figure = each.draw()
            assert any(axes.has_data() for axes in figure.axes), f"{where} shows no data"
        elif isinstance(each, MovieDrawing):
            _check_frame(next(each.frames()), where)
        elif isinstance(each, RecordedMovieDrawing):
            _check_frame(next(each.frames(inputs, 0)), where)
        elif isinstance(each, TableDrawing):
            assert each.rows and all(len(row) == len(each.columns) for row in each.rows), f"{where} has no full rows"
        else:
            assert each.text.strip(), f"{where} is empty"


def _check_frame(frame: np.ndarray, where: str) -> None:
    assert frame.dtype == np.uint8 and frame.ndim == 3 and frame.std() > 0, f"{where} has no picture"

"""Fixed points of memories whose fixed points are known."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from retinoscope.agents.agent import Agent
from retinoscope.agents.from_module import from_module
from retinoscope.agents.held_inputs import HeldInputs
from retinoscope.agents.policy import inference
from retinoscope.analyses.memory.fixed_points import fixed_points
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.rollouts import ArrayRecording
from retinoscope.rollouts.schema import describe, vector_layers
from retinoscope.statistics.fixed_points import merged_points, spectrum, time_constants
from retinoscope.testing import planted_inputs
from retinoscope.testing.networks import lstm, our_network
from retinoscope.testing.worlds import dark
from retinoscope.worlds.declaration import Actions

VIEW = (4, 3, 1)
BITS, COPIES = 3, 4
GAIN = 2.0
QUICK: dict[str, Any] = {"views": 1, "starts": 96, "untrained": False}


class Remembering(nn.Module):
    """Pixels through one dense layer into a recurrent layer, whose state is read out."""

    def __init__(self, memory: nn.RNN | None, units: int, matrix: torch.Tensor | None = None) -> None:
        super().__init__()
        self.encoder = nn.Linear(int(np.prod(VIEW)), units)
        self.memory = memory
        self.matrix = None if matrix is None else nn.Parameter(matrix)
        self.actor = nn.Linear(units, 3)

    def forward(self, pixels: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.encoder(pixels.flatten(1))
        if self.memory is None:
            features = state = state @ self.matrix.T + features
        else:
            hidden, state = self.memory(features[None], state)
            features = hidden[0]
        return self.actor(features), state


def flip_flop() -> Agent:
    """Three bits, each held by four units that excite one another: h <- tanh(2 mean of h + x).

    Without an input each bit has the fixed points 0 and plus and minus the root of m = tanh(2 m).
    """
    units = BITS * COPIES
    memory = nn.RNN(units, units)
    network = Remembering(memory, units)
    block = torch.block_diag(*[torch.full((COPIES, COPIES), GAIN / COPIES)] * BITS)
    with torch.no_grad():
        for each in network.parameters():
            each.zero_()
        memory.weight_hh_l0.copy_(block)
        memory.weight_ih_l0.copy_(torch.eye(units))
        for bit in range(BITS):  # pixel 2 b pushes a bit up, pixel 2 b + 1 down
            network.encoder.weight[bit * COPIES : (bit + 1) * COPIES, 2 * bit] = 4.0
            network.encoder.weight[bit * COPIES : (bit + 1) * COPIES, 2 * bit + 1] = -4.0
        network.actor.weight.normal_(generator=torch.Generator().manual_seed(0))
    return agent_of(network, lambda batch: torch.zeros(1, batch, units))


def linear(matrix: np.ndarray) -> Agent:
    """h <- A h + x."""
    units = len(matrix)
    network = Remembering(None, units, torch.tensor(matrix, dtype=torch.float32))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        network.encoder.weight.normal_(generator=generator)
        network.actor.weight.normal_(generator=generator)
    return agent_of(network, lambda batch: torch.zeros(batch, units))


def agent_of(network: nn.Module, initial_state: Any) -> Agent:
    return from_module(
        network,
        observation_shape=VIEW,
        actions=("left", "stay", "right"),
        preprocess=lambda pixels: pixels / 255.0,
        name="planted",
        initial_state=initial_state,
    )


def lived(agent: Agent, views: np.ndarray, length: int) -> ArrayRecording:
    """A recording of episodes of one length, in which the agent saw these views."""
    policy = agent.policy
    names = [layer.name for layer in vector_layers(policy)]
    columns: dict[str, list[np.ndarray]] = {name: [] for name in (*names, "state_entering", "logits")}
    with inference(), policy.capture(*names) as activity:
        for row, view in enumerate(views):
            if row % length == 0:
                state = policy.initial_state(1)
            columns["state_entering"].append(state[0].numpy().copy())
            step = policy.step(torch.from_numpy(view)[None], state)
            state = step.state
            columns["logits"].append(step.logits[0].numpy())
            for name in names:
                columns[name].append(activity[name][0].numpy().copy())
    world = dark(VIEW, tuple(Actions(each.name, each.outputs) for each in policy.action_heads))
    described = describe(agent, world, seed=0, environments=1, greedy=False)
    kept = ("agent", "checkpoint_sha256", "action_heads", "action_kinds", "state_columns", "seed", "greedy")
    return ArrayRecording(
        {
            "observation": views,
            "action": np.zeros((len(views), 1), np.int8),
            "reward": np.zeros(len(views), np.float32),
            **{name: np.stack(each).astype(np.float32) for name, each in columns.items()},
        },
        layers=names,
        roles=described["roles"],
        world=world,
        episode_lengths=[length] * (len(views) // length),
        attributes={name: described[name] for name in kept} | {"complete": True, "environments": 1},
        name="planted.zarr",
    )


def pulses(count: int) -> np.ndarray:
    """Dark views with a pulse for one of the bits, up or down, now and then; some too weak to turn it."""
    random = np.random.default_rng(3)
    views = np.zeros((count, *VIEW), np.uint8)
    for row in range(3, count, 4):
        views[row].reshape(-1)[random.integers(2 * BITS)] = random.integers(40, 256)
    return views


def test_a_flip_flop_of_three_bits_has_eight_stable_points_and_only_points_that_there_are() -> None:
    agent = flip_flop()
    data = fixed_points(lived(agent, pulses(900), 300), agent=agent, rows=(0,), merge_distance=0.05, **QUICK).data
    here = data.isel(point=np.flatnonzero(data["point_input"].values == "row 0"))
    root = _root()
    found: dict[str, set[tuple[int, ...]]] = {"stable": set(), "unstable": set()}
    for point in range(here.sizes["point"]):
        state = here["state"].values[point].reshape(BITS, COPIES)
        bits = np.round(state.mean(axis=1) / root).astype(int)
        np.testing.assert_allclose(state, np.repeat(bits[:, None] * root, COPIES, 1), atol=1e-4)
        slope = np.where(bits == 0, GAIN, GAIN * (1 - root**2))
        expected = np.sort(np.concatenate([slope, np.zeros(BITS * (COPIES - 1))]))[::-1]
        np.testing.assert_allclose(np.hypot(*_eigenvalues(here, point)), expected, atol=1e-4)
        assert int(here["unstable_directions"][point]) == (bits == 0).sum()
        found[str(here["kind"].values[point])].add(tuple(bits.tolist()))
    assert found["stable"] == set(itertools.product((-1, 1), repeat=BITS))
    assert len(found["unstable"]) >= 1


def test_a_pulse_that_is_held_leaves_its_bit_no_choice() -> None:
    agent = flip_flop()
    views = pulses(600)
    row = 3 + 4 * int(views[3::4].max(axis=(1, 2, 3)).argmax())
    bit, is_down = divmod(int(views[row].argmax()), 2)
    data = fixed_points(lived(agent, views, 300), agent=agent, rows=(row,), merge_distance=0.05, **QUICK).data
    chosen = (data["point_input"].values == f"row {row}") & (data["kind"].values == "stable")
    states = data["state"].values[chosen].reshape(-1, BITS, COPIES).mean(axis=2)
    assert len(states) == 4
    assert (np.sign(states[:, bit]) == (-1 if is_down else 1)).all()


def test_nearest_decisions_are_those_that_were_entered_with_that_state() -> None:
    agent = flip_flop()
    recording = lived(agent, pulses(600), 300)
    data = fixed_points(recording, agent=agent, rows=(0,), merge_distance=0.05, neighbours=2, **QUICK).data
    states = recording.rows(names=["state_entering"])["state_entering"].values
    for point in range(data.sizes["point"]):
        distances = np.linalg.norm(states - data["state"].values[point], axis=1)
        first = int(data["nearest_row"].values[point, 0])
        np.testing.assert_allclose(distances[first], distances.min(), atol=1e-5)
        apart = data["nearest_row"].values[point]
        assert apart[1] < 0 or abs(int(apart[1]) - int(apart[0])) >= 16


def test_a_linear_system_has_one_point_and_the_eigenvalues_of_its_matrix() -> None:
    random = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(random.normal(size=(5, 5)))
    turning = 0.9 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    plain = np.diag([0.0, 0.0, 0.98, 0.5, -0.3])
    plain[:2, :2] = turning
    matrix = rotation @ plain @ rotation.T
    agent = linear(matrix)
    views = random.integers(0, 255, (400, *VIEW)).astype(np.uint8)
    data = fixed_points(lived(agent, views, 200), agent=agent, **QUICK).data
    assert data.sizes["point"] == 2  # the mean input and one view
    real, imaginary = _eigenvalues(data, 0)
    np.testing.assert_allclose(real + 1j * imaginary, [0.98, *(0.9 * np.exp([0.4j, -0.4j])), 0.5, -0.3], atol=1e-5)
    np.testing.assert_allclose(data["time_constant"].values[0, 0], -1 / np.log(0.98), rtol=1e-3)
    row = int(data["view_row"].values[data["held"].values.tolist().index(str(data["point_input"].values[0]))])
    with inference():
        entering = agent.policy.encode(torch.from_numpy(views[row][None]), agent.policy.layers[0].name)[0].numpy()
    np.testing.assert_allclose(data["state"].values[0], np.linalg.solve(np.eye(5) - matrix, entering), rtol=1e-3)
    slowest = data["direction"].values[0, 0]
    np.testing.assert_allclose(abs(slowest @ rotation[:, 2]), 1, atol=1e-4)


@pytest.mark.parametrize("agent", [our_network, lstm])
def test_deciding_from_the_encoders_output_is_deciding(agent: Any) -> None:
    policy = agent().policy
    random = np.random.default_rng(0)
    views = random.integers(0, 255, (3, *policy.observation_shape)).astype(np.uint8)
    states = random.normal(size=(6, policy.state_size)).astype(np.float32)
    held = HeldInputs(policy, views, states[:3])
    assert held.layer == "fc"
    which = torch.tensor([0, 1, 2, 2, 1, 0])
    with inference(), policy.capture(policy.layers_of("memory")[0].name) as activity:
        steps = held.step(which, torch.from_numpy(states))
        seen = {name: each.clone() for name, each in activity.items()}
        whole = policy.step(torch.from_numpy(views)[which], torch.from_numpy(states))
    for one, other in zip(steps, whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5, equal_nan=True)
    torch.testing.assert_close(seen, dict(activity), rtol=1e-4, atol=1e-5)


def test_an_encoder_that_wants_every_picture_gives_the_same_points_by_whole_decisions(monkeypatch: Any) -> None:
    agent = flip_flop()
    recording = lived(agent, pulses(300), 300)
    settings = QUICK | {"rows": (0,), "merge_distance": 0.05, "starts": 32}
    quick = fixed_points(recording, agent=agent, **settings).data
    monkeypatch.setattr("retinoscope.agents.held_inputs.encoder_output", lambda policy: None)
    whole = fixed_points(recording, agent=agent, **settings).data
    assert set(whole["point_input"].values) == {"row 0"}
    assert whole["held"].values.tolist() == ["row 0"] and quick["held"].values.tolist() == ["row 0", "mean input"]
    same = quick["point_input"].values == "row 0"
    np.testing.assert_allclose(whole["state"].values, quick["state"].values[same], atol=1e-4)


def test_what_cannot_be_held_is_refused() -> None:
    inputs = planted_inputs("grid world")
    assert inputs.recording is not None and inputs.agent is not None
    with pytest.raises(UserError, match="there is no row 9999"):
        fixed_points(inputs.recording, agent=inputs.agent, rows=(9999,))
    inputs.recording.columns = tuple(each for each in inputs.recording.columns if each != "state_entering")
    with pytest.raises(NotMeasurable, match="does not hold the states"):
        fixed_points(inputs.recording, agent=inputs.agent)


def test_points_within_a_distance_are_the_slowest_of_them() -> None:
    points = np.array([[0.0], [0.5], [3.0], [0.9], [3.2]])
    speeds = np.array([0.3, 0.1, 0.5, 0.2, 0.4])
    assert merged_points(points, speeds, 0.45).tolist() == [0, 1, 4, 1, 4]


def test_time_constants() -> None:
    found = time_constants(np.array([np.exp(-0.1), 1j * np.exp(-0.5), 1.0, np.exp(0.2), 0.0]))
    np.testing.assert_allclose(found, [10, 2, np.inf, -5, 0])
    values, vectors = spectrum(np.diag([0.2, -0.9, 0.5]))
    np.testing.assert_allclose(values, [-0.9, 0.5, 0.2])
    np.testing.assert_allclose(np.abs(vectors), np.eye(3)[[1, 2, 0]])


def _root() -> float:
    value = 1.0
    for _ in range(200):
        value = float(np.tanh(GAIN * value))
    return value


def _eigenvalues(data: Any, point: int) -> tuple[np.ndarray, np.ndarray]:
    return data["eigenvalue_real"].values[point], data["eigenvalue_imaginary"].values[point]

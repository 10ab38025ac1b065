"""Any module as a policy: it computes what the module does, fields are what gradients say, bad input is refused."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import retinoscope
from retinoscope.agents.policy import Policy
from retinoscope.attribution import attribute
from retinoscope.attribution.guided import has_activation_functions
from retinoscope.errors import NotMeasurable, UserError
from tests.agents.networks import Breakout, Impala, Nature, channels_first, with_positive_weights

SMALL = (12, 10, 3)


def policy_of(module: nn.Module, shape: tuple[int, ...] = SMALL, actions: Any = 4, **more: Any) -> Policy:
    more = {"preprocess": channels_first} | more
    return retinoscope.from_module(module, observation_shape=shape, actions=actions, **more).policy


def pixels_of(shape: tuple[int, ...], batch: int = 3) -> torch.Tensor:
    return torch.randint(0, 256, (batch, *shape), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


class Small(nn.Module):
    """Two convolutions and whatever is put behind them."""

    def __init__(self, outputs: int = 4, core: nn.Module | None = None, width: int = 6) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 3, padding=1, stride=2), nn.Conv2d(4, 5, (3, 2))
        self.core, self.out, self.critic = core, nn.Linear(width, outputs), nn.Linear(width, 1)
        self.fc = nn.Linear(5 * 4 * 4, 6)

    def encoded(self, pixels: torch.Tensor) -> torch.Tensor:
        maps = F.relu(self.conv2(F.silu(self.conv1(pixels / 255))))
        return torch.tanh(self.fc(maps.reshape(len(maps), -1)))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.out(self.encoded(pixels))


def with_value(module: Small, pixels: torch.Tensor, state: Any) -> Any:
    hidden = module.encoded(pixels)
    return module.out(hidden), module.critic(hidden)


# Memories of every packing: module, initial state, and the step that a user would write.


def gru_step(module: Small, pixels: torch.Tensor, state: torch.Tensor) -> Any:
    hidden, state = module.core(module.encoded(pixels)[None], state)
    return module.out(hidden[0]), module.critic(hidden[0]), state


def lstm_step(module: Small, pixels: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor]) -> Any:
    hidden, state = module.core(module.encoded(pixels)[:, None], state)
    return module.out(hidden[:, 0]), module.critic(hidden[:, 0])[:, 0], state


def cell_step(module: Small, pixels: torch.Tensor, state: torch.Tensor) -> Any:
    state = module.core(module.encoded(pixels), state)
    return module.out(state), module.critic(state), state


def lstm_cell_step(module: Small, pixels: torch.Tensor, state: dict[str, torch.Tensor]) -> Any:
    hidden, cell = module.core(module.encoded(pixels), (state["h"], state["c"]))
    return module.out(hidden), {"h": hidden, "c": cell}


MEMORIES: dict[str, tuple[nn.Module, Any, Any, int, slice]] = {
    "GRU": (nn.GRU(6, 7), lambda batch: torch.zeros(1, batch, 7), gru_step, 7, slice(0, 7)),
    "LSTM of two layers": (
        nn.LSTM(6, 7, num_layers=2, batch_first=True),
        lambda batch: (torch.zeros(2, batch, 7), torch.ones(2, batch, 7)),
        lstm_step,
        28,
        slice(7, 14),
    ),
    "GRU cell": (nn.GRUCell(6, 7), 7, cell_step, 7, slice(0, 7)),
    "LSTM cell in a dictionary": (
        nn.LSTMCell(6, 7),
        lambda batch: {"h": torch.zeros(batch, 7), "c": torch.zeros(batch, 7)},
        lstm_cell_step,
        14,
        slice(0, 7),
    ),
}


@pytest.mark.parametrize("name", MEMORIES)
def test_logits_value_and_state_are_those_of_the_module_through_time(name: str) -> None:
    core, initial, step, size, columns = MEMORIES[name]
    module = Small(core=core, width=7)
    policy = policy_of(module, initial_state=initial, step=step)
    assert policy.state_size == size and policy.layers_of("memory")[0].shape == (7,)
    assert [each.name for each in policy.layers_of("encoder output", "memory")] == ["fc", "core"]
    state, theirs = policy.initial_state(3), torch.zeros(3, 7) if initial == 7 else initial(3)
    for seed in range(3):
        pixels = pixels_of(SMALL).roll(seed, 0)
        with torch.no_grad(), policy.capture("core", "policy", "fc") as activity:
            ours = policy.step(pixels, state)
            logits, *value, theirs = step(module, channels_first(pixels), theirs)
        state = ours.state
        torch.testing.assert_close(ours.logits, logits, rtol=0, atol=1e-6)
        if value:
            torch.testing.assert_close(ours.value, value[0].reshape(3), rtol=0, atol=1e-6)
        else:
            assert ours.value.isnan().all() and not policy.layers_of("value")
        torch.testing.assert_close(policy.network.packing.packed(theirs), state, rtol=0, atol=1e-6)
        assert torch.equal(activity["policy"], ours.logits) and torch.equal(activity["core"], state[:, columns])
        torch.testing.assert_close(activity["fc"], module.encoded(channels_first(pixels)))
    assert policy.state_columns("core") == columns and policy.state_columns("fc") is None
    assert (ours.logits.dtype, ours.state.dtype) == (torch.float32, torch.float32)


@pytest.mark.parametrize("name", MEMORIES)
def test_an_edited_memory_is_what_actor_critic_and_the_next_decision_read(name: str) -> None:
    core, initial, step, _, columns = MEMORIES[name]
    module = Small(core=core, width=7)
    policy, pixels = policy_of(module, initial_state=initial, step=step), pixels_of(SMALL)
    before = policy.step(pixels, policy.initial_state(3))
    with policy.edited("core", lambda activity: -2 * activity), policy.capture("core") as activity:
        after = policy.step(pixels, policy.initial_state(3))
    torch.testing.assert_close(activity["core"], before.state[:, columns])
    torch.testing.assert_close(after.state[:, columns], -2 * before.state[:, columns])
    torch.testing.assert_close(after.logits, module.out(after.state[:, columns]))
    others = [column for column in range(policy.state_size) if column not in range(7)[columns]]
    assert torch.equal(after.state[:, others], before.state[:, others]) or columns.start
    assert torch.equal(policy.step(pixels, policy.initial_state(3)).logits, before.logits)


@pytest.mark.parametrize(
    ("module", "shape", "outputs", "more"),
    [
        (Nature(), (84, 84, 4), 6, {}),
        (Impala((3, 4), 16), (16, 16, 3), 15, {"preprocess": None}),
        (Small(), SMALL, 4, {}),
        (Small(), SMALL, 4, {"step": with_value}),
    ],
    ids=["Nature", "IMPALA", "no critic", "a step of one's own"],
)
def test_networks_without_memory_compute_what_the_module_computes(
    module: nn.Module, shape: tuple[int, int, int], outputs: int, more: dict[str, Any]
) -> None:
    policy, pixels = policy_of(module, shape, outputs, **more), pixels_of(shape)
    step = policy.step(pixels, policy.initial_state(3))
    inputs = pixels if "preprocess" in more else channels_first(pixels)
    answer = more["step"](module, inputs, None) if "step" in more else module(inputs)
    logits, value = answer if isinstance(answer, tuple) else (answer, torch.full((3,), torch.nan))
    torch.testing.assert_close(step.logits, logits[0] if isinstance(logits, tuple) else logits, rtol=0, atol=1e-6)
    torch.testing.assert_close(step.value, value.reshape(3), rtol=0, atol=1e-6, equal_nan=True)
    assert step.state.shape == (3, 0)
    layers = [each.name for each in policy.layers if each.role not in ("value", "policy")]
    with policy.capture(*layers) as activity:
        policy.step(pixels, policy.initial_state(3))
    for name in layers:
        assert tuple(activity[name].shape[1:]) == policy.layer(name).shape
        torch.testing.assert_close(policy.encode(pixels, until=name), activity[name], rtol=0, atol=1e-6)


def test_heads_side_by_side_or_apart_are_drawn_from_each_by_itself() -> None:
    module = Impala((3, 4), 16, heads=(3, 3, 2))
    heads = {"turn": ("left", "none", "right"), "move": 3, "shoot": 2}
    policy, pixels = policy_of(module, (16, 16, 3), heads, preprocess=None), pixels_of((16, 16, 3))
    step = policy.step(pixels, policy.initial_state(3))
    torch.testing.assert_close(step.logits, torch.cat(module(pixels)[0], 1))
    probabilities = policy.probabilities(step.logits)
    for part, logits in zip(probabilities.split([3, 3, 2], 1), module(pixels)[0], strict=True):
        torch.testing.assert_close(part, logits.softmax(1))
    assert policy.output_names()[:4] == ("turn left", "turn none", "turn right", "move 0")
    assert (
        policy.sample_actions(step.logits).shape == (3, 3) and policy.sample_actions(step.logits).dtype == torch.int64
    )


def test_q_values_are_acted_on_greedily_but_for_epsilon_and_their_highest_is_the_value() -> None:
    policy, pixels = policy_of(Small(), actions=("a", "b", "c", "d"), q_values=True, epsilon=0.2), pixels_of(SMALL)
    step = policy.step(pixels, policy.initial_state(3))
    torch.testing.assert_close(step.value, step.logits.max(1).values)
    logits = torch.tensor([[0.0, 3.0, 2.9, -1.0]])
    torch.testing.assert_close(policy.probabilities(logits), torch.tensor([[0.05, 0.85, 0.05, 0.05]]))
    drawn = policy.sample_actions(logits.repeat(4_000, 1), torch.Generator().manual_seed(0))[:, 0].bincount() / 4_000
    torch.testing.assert_close(drawn, torch.tensor([0.05, 0.85, 0.05, 0.05]), rtol=0, atol=0.02)
    assert policy.greedy_actions(logits).tolist() == [[1]]
    with pytest.raises(UserError, match="2 heads of Q-values"):
        policy_of(Small(), actions={"a": 2, "b": 2}, q_values=True)


def test_continuous_actions_are_drawn_around_their_means() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    box = gymnasium.spaces.Box(np.array([-1.0, 0.0], np.float32), np.array([1.0, 1.0], np.float32))
    policy = policy_of(Small(), actions=box)
    assert policy.output_names() == ("action 0", "action 1", "action 0 log deviation", "action 1 log deviation")
    numbers = torch.tensor([[0.25, 0.5, -2.0, -5.0]]).repeat(4_000, 1)
    drawn = policy.sample_actions(numbers, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), torch.tensor([0.25, 0.5]), rtol=0, atol=0.01)
    torch.testing.assert_close(drawn.std(0), torch.tensor([-2.0, -5.0]).exp(), rtol=0.05, atol=0)
    assert policy.sample_actions(torch.tensor([[9.0, -9.0, 0, 0]])).tolist() == [[1.0, 0.0]]
    assert policy.greedy_actions(numbers[:1]).tolist() == [[0.25, 0.5]]
    with pytest.raises(NotMeasurable, match="are continuous and have no probabilities"):
        policy.probabilities(numbers)


# What units see.


def test_fields_of_the_known_networks() -> None:
    nature = policy_of(Nature(), (84, 84, 4), 6).receptive_field("network_4")
    assert nature[:6] == (36, 36, 8, 8, 0, 0)
    impala = policy_of(Impala(), (64, 64, 3), 15, preprocess=None)
    field = impala.receptive_field("blocks_2_res1_conv1")
    assert field[:6] == (141, 141, 8, 8, -70, -70)
    assert impala.stimulus_shape("blocks_2_res1_conv1") == (64, 64, 3)  # larger than the picture
    breakout = policy_of(Breakout(), (80, 80, 1), initial_state=256)
    field = breakout.receptive_field("conv4")
    assert field[:6] == (31, 31, 16, 16, -15, -15)
    assert not field.is_whole(0, 2) and field.is_whole(2, 2) and breakout.stimulus_shape("conv4") == (31, 31, 1)


@pytest.mark.parametrize(
    ("module", "layer", "shape", "more"),
    [
        (Nature(), "network_4", (84, 84, 4), {"actions": 6}),
        (Impala(), "blocks_0_res1_sum", (64, 64, 3), {"actions": 15, "preprocess": None}),
        (Breakout(), "conv4", (80, 80, 1), {"initial_state": 256}),
        (Small(), "conv2", SMALL, {}),
    ],
    ids=["Nature", "IMPALA", "Breakout", "unequal strides"],
)
def test_fields_are_the_support_of_the_gradient(
    module: nn.Module, layer: str, shape: tuple[int, int, int], more: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    policy = policy_of(with_positive_weights(module), shape, **more)
    field, (_, rows, columns) = policy.receptive_field(layer), policy.layer(layer).shape
    for row, column in [(0, 0), (rows // 2, columns // 2), (rows - 1, 1)]:
        reached = torch.zeros(shape[:2], dtype=torch.bool)
        for seed in range(6):  # of a maximum the gradient reaches one pixel at a time
            pixels = 255 * torch.rand(4, *shape, generator=torch.Generator().manual_seed(seed))
            answer = policy.encode(pixels.requires_grad_(), until=layer)[:, :, row, column].sum()
            reached |= (torch.autograd.grad(answer, pixels)[0] != 0).any(dim=3).any(dim=0)
        top, left = field.starts(row, column)
        for along, start, size in ((reached.any(1), top, field.height), (reached.any(0), left, field.width)):
            (there,) = along.numpy().nonzero()
            assert (there[0], there[-1] + 1) == (max(start, 0), min(start + size, len(along)))


@pytest.mark.parametrize(
    ("module", "layer", "shape", "more"),
    [
        (Nature(), "network_2", (84, 84, 4), {"actions": 6}),
        (Breakout(), "conv3", (80, 80, 1), {"initial_state": 256}),
        (Impala((3, 4), 16), "blocks_1_res1_sum", (16, 16, 3), {"actions": 15, "preprocess": None}),
        (Small(), "conv2", SMALL, {}),
    ],
    ids=["Nature", "Breakout", "larger than the picture", "unequal strides"],
)
def test_a_unit_answers_to_its_field_alone_as_in_the_whole_picture(
    module: nn.Module, layer: str, shape: tuple[int, int, int], more: dict[str, Any]
) -> None:
    policy = policy_of(module, shape, **more)
    row, column = policy.middle_unit(layer)
    pixels = 255 * torch.rand(3, *shape)
    height, width, _ = policy.stimulus_shape(layer)
    top, left = (0, 0) if (height, width) == shape[:2] else policy.receptive_field(layer).starts(row, column)
    patches = pixels[:, top : top + height, left : left + width]
    expected = policy.encode(pixels, until=layer)[:, :, row, column]
    torch.testing.assert_close(policy.unit_answers(patches, layer), expected, rtol=1e-5, atol=1e-5)
    for name in ("policy", *(each.name for each in policy.layers_of("encoder output", "memory"))):
        answers = policy.unit_answers(255 * torch.rand(2, *policy.stimulus_shape(name)), name)
        assert answers.shape == (2, policy.layer(name).shape[0])


@pytest.mark.parametrize(("top", "size"), [(0, [16, 16]), (20, [100, 80])], ids=["any size", "a crop of one size"])
def test_as_little_as_possible_around_a_field_is_computed(top: int, size: list[int]) -> None:
    shapes = []

    def preprocess(pixels: torch.Tensor) -> torch.Tensor:
        shapes.append(list(pixels.shape[1:3]))
        return channels_first(pixels[:, top : top + 80]) / 255

    policy = policy_of(Breakout(), (100 if top else 80, 80, 1), initial_state=256, preprocess=preprocess)
    stimuli = 255 * torch.rand(2, *policy.stimulus_shape("conv3"))
    answers = policy.unit_answers(stimuli, "conv3")
    torch.testing.assert_close(answers, policy.answers_in_whole_pictures(stimuli, "conv3"), rtol=1e-5, atol=1e-5)
    policy.unit_answers(stimuli, "conv3")
    assert shapes[-1] == size


class Attending(nn.Module):
    """What is not followed: a product over positions, a function that is scripted, a resize that does not divide."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.conv = kind, nn.Conv2d(3, 4, 3, stride=2)
        self.scripted = torch.jit.trace(nn.Conv2d(3, 3, 3), torch.zeros(1, 3, 24, 20))
        self.out = nn.Linear(4, 4)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if self.kind == "attention":
            tokens = pixels.flatten(2).transpose(1, 2)
            pixels = (
                F.scaled_dot_product_attention(tokens, tokens, tokens).transpose(1, 2).unflatten(2, pixels.shape[2:])
            )
        if self.kind == "shift":
            pixels = torch.einsum("bchw,hk->bckw", pixels, torch.eye(pixels.shape[2]).roll(3, 0))
        if self.kind == "scripted":
            pixels = self.scripted(pixels)
        if self.kind == "resize":
            pixels = F.interpolate(pixels, (17, 13), mode="bilinear")
        return self.out(F.elu(self.conv(pixels / 255)).mean((2, 3)))


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize(
    ("kind", "size", "strides", "note"),
    [
        ("attention", (24, 20), (0, 0), "field not known: scaled_dot_product_attention is not followed"),
        ("shift", (3, 3), (0, 2), "field not known: einsum is not followed; found from the pixels that the gradient"),
        ("scripted", (5, 5), (2, 2), "field not known: part of the forward pass is out of sight"),
        ("resize", (5, 5), (0, 3), "interpolate makes 17 of 24 positions"),
        ("plain", (3, 3), (2, 2), ""),
    ],
)
def test_what_is_not_followed_is_said_and_the_field_found_from_the_gradient(
    kind: str, size: tuple[int, int], strides: tuple[int, int], note: str
) -> None:
    torch.manual_seed(0)
    policy = policy_of(Attending(kind), (24, 20, 3))
    field = policy.receptive_field("conv")
    assert (field.height, field.width) == size and (field.row_stride, field.column_stride) == strides
    assert field.note.startswith(note) and "\n" not in field.note
    row, column = policy.middle_unit("conv")
    pixels = 255 * torch.rand(2, 24, 20, 3)
    top, left = field.starts(row, column)
    patches = pixels[:, top : top + size[0], left : left + size[1]]
    torch.testing.assert_close(
        policy.unit_answers(patches, "conv"),
        policy.encode(pixels, until="conv")[:, :, row, column],
        rtol=1e-4,
        atol=1e-4,
    )


# Gradients and preprocessing.


def test_gradients_reach_the_pixels_through_preprocessing_and_equal_finite_differences() -> None:
    module = Small(core=nn.GRUCell(6, 7), width=7).double()
    policy = policy_of(
        module, initial_state=7, step=cell_step, preprocess=lambda pixels: pixels.permute(0, 3, 1, 2).double()
    )
    pixels, state = 255 * torch.rand(1, *SMALL, dtype=torch.float64), torch.randn(1, 7, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: policy.step(x, state).value, pixels.requires_grad_())
    with policy.capture("fc") as activity:
        policy.step(pixels, state)
    assert activity["fc"].requires_grad and not any(each.requires_grad for each in policy.module.parameters())


def test_attribution_and_guided_backprop_work_through_functional_activations() -> None:
    agent = retinoscope.from_module(
        Small(core=nn.GRUCell(6, 7), width=7),
        observation_shape=SMALL,
        actions=4,
        initial_state=7,
        step=cell_step,
        preprocess=channels_first,
    )
    assert has_activation_functions(agent.policy)
    pixels = pixels_of(SMALL).numpy()
    maps = attribute(agent, pixels, target="fc:1", method="guided_backprop")
    plain = attribute(agent, pixels, target="fc:1", method="gradient")
    assert maps.shape == pixels.shape and (maps != plain).any()
    through_layers = attribute(agent, pixels, target="value", method="integrated_gradients", steps=64)
    nothing = torch.full((1, *SMALL), agent.policy.grey_level)
    black = agent.policy.step(nothing, agent.policy.initial_state(1)).value.numpy()
    whole = agent.policy.step(torch.from_numpy(pixels), agent.policy.initial_state(3)).value.numpy()
    np.testing.assert_allclose(through_layers.sum(axis=(1, 2, 3)), whole - black, atol=1e-3)


@pytest.mark.parametrize(
    ("preprocess", "note"),
    [
        (
            lambda pixels: torch.from_numpy(pixels.numpy().astype(np.float32)).permute(0, 3, 1, 2),
            "preprocess takes none",
        ),
        (lambda pixels: pixels.long().permute(0, 3, 1, 2).float(), "they end at long"),
    ],
)
def test_gradients_that_do_not_reach_the_pixels_are_said_so(preprocess: Any, note: str) -> None:
    policy, plain = policy_of(Small(), preprocess=preprocess), policy_of(Small())
    plain.module.load_state_dict(policy.module.state_dict())
    assert note in policy.notes[0] and "occlusion" in policy.notes[0] and not plain.notes
    torch.testing.assert_close(
        policy.step(pixels_of(SMALL), policy.initial_state(3)).logits,
        plain.step(pixels_of(SMALL), plain.initial_state(3)).logits,
    )
    pixels = pixels_of(SMALL).float().requires_grad_()
    assert not policy.step(pixels, policy.initial_state(3)).logits.requires_grad
    field = policy.receptive_field("conv1")
    assert field[:4] == ((12, 10, 0, 0) if "takes none" in note else (3, 3, 2, 2))
    assert policy.stimulus_shape("conv1") == ((12, 10, 3) if "takes none" in note else (3, 3, 3))


def test_a_crop_a_resize_and_a_mean_of_colours_are_part_of_the_field() -> None:
    def preprocess(pixels: torch.Tensor) -> torch.Tensor:
        grey = pixels[:, 35:195].float().mean(3)[:, None]
        return F.interpolate(grey, (80, 80), mode="bilinear") / 255

    policy = policy_of(Breakout(), (210, 160, 3), initial_state=256, preprocess=preprocess)
    field = policy.receptive_field("conv4")
    assert field[:6] == (62, 62, 32, 32, 5, -30) and field.bounds == (35, 0, 195, 160)
    assert not field.is_whole(0, 2) and field.is_whole(2, 2) and policy.stimulus_shape("conv4") == (62, 62, 3)


@pytest.mark.parametrize(("level", "expected"), [(0.0, 0.0), (100.0, 100.0), (-20.0, 0.0)])
def test_the_grey_level_is_what_preprocessing_brings_to_zero(level: float, expected: float) -> None:
    policy = policy_of(Small(), preprocess=lambda pixels: (pixels.permute(0, 3, 1, 2) - level) / 50)
    assert policy.grey_level == pytest.approx(expected, abs=1e-4)


# Copies.


def test_the_module_that_was_given_is_left_alone_and_may_be_trained_on() -> None:
    module = Small().train()
    policy, pixels = policy_of(module), pixels_of(SMALL)
    before = policy.step(pixels, policy.initial_state(3)).logits
    assert module.training and all(each.requires_grad for each in module.parameters())
    with torch.no_grad():
        module.out.weight.zero_()
    assert torch.equal(policy.step(pixels, policy.initial_state(3)).logits, before)
    again = retinoscope.from_module(module, observation_shape=SMALL, actions=4, preprocess=channels_first)
    assert len(again.checkpoint_sha256) == 64
    assert (
        again.checkpoint_sha256
        != retinoscope.from_module(
            Small(), observation_shape=SMALL, actions=4, preprocess=channels_first
        ).checkpoint_sha256
    )


def test_a_policy_with_functions_of_no_name_goes_to_other_processes_and_can_be_copied() -> None:
    class Local(Small):
        pass

    policy = policy_of(Local(), preprocess=lambda pixels: pixels.permute(0, 3, 1, 2) / 2, step=lambda m, x, s: m(x))
    pixels = pixels_of(SMALL)
    for other in (pickle.loads(pickle.dumps(policy)), copy.deepcopy(policy)):
        assert torch.equal(
            other.step(pixels, other.initial_state(3)).logits, policy.step(pixels, policy.initial_state(3)).logits
        )
        assert other.layers == policy.layers and other.module is not policy.module
        with torch.no_grad():
            other.module.out.bias.add_(1)
    assert not torch.equal(
        other.step(pixels, other.initial_state(3)).logits, policy.step(pixels, policy.initial_state(3)).logits
    )

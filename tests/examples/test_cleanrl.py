"""What the page on CleanRL's agents shows is true of agents with its names: same logits, values and states."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch.distributions import Categorical

from tests.examples.running import ROOT

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """All that the blocks of the page define."""
    names: dict[str, Any] = {"__name__": "page"}
    for code in BLOCK.findall((ROOT / "docs" / "cleanrl.md").read_text(encoding="utf-8")):
        exec(compile(code, "cleanrl.md", "exec"), names)
    return names


def pixels(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (5, *shape), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


@pytest.mark.parametrize("name", ["atari", "procgen"])
def test_logits_and_value_are_those_of_get_action_and_value(page: dict[str, Any], name: str) -> None:
    """As those scripts compute them: one pass through `network`, then a categorical distribution."""
    agent = page[name]
    module = agent.policy.network.module
    seen = pixels(agent.policy.observation_shape)
    step = agent.policy.step(seen, agent.policy.initial_state(5))
    hidden = module.network(seen.permute(0, 3, 1, 2) / 255.0)
    expected = Categorical(logits=module.actor(hidden))
    torch.testing.assert_close(step.logits.log_softmax(1), expected.logits, rtol=0, atol=1e-5)
    torch.testing.assert_close(step.value, module.critic(hidden)[:, 0], rtol=0, atol=1e-5)


def test_the_recurrent_one_goes_through_time_as_get_states_does(page: dict[str, Any]) -> None:
    """Three steps at once, of which the second begins an episode in two of five games."""
    agent = page["recurrent"]
    policy, module = agent.policy, agent.policy.network.module
    done = torch.tensor([[0, 0, 0, 0, 0], [1, 0, 1, 0, 0], [0, 0, 0, 0, 0]], dtype=torch.float32)
    seen = torch.stack([pixels((84, 84, 1), seed) for seed in range(3)])
    hidden = module.network(seen.reshape(15, 84, 84, 1).permute(0, 3, 1, 2) / 255.0).reshape(3, 5, 512)
    state = (torch.zeros(1, 5, 128), torch.zeros(1, 5, 128))
    ours = policy.initial_state(5)
    for step in range(3):
        goes_on = (1 - done[step]).view(1, -1, 1)
        expected, state = module.lstm(hidden[step][None], (goes_on * state[0], goes_on * state[1]))
        ours = torch.where(done[step].bool()[:, None], policy.initial_state(5), ours)
        decided = policy.step(seen[step], ours)
        ours = decided.state
        torch.testing.assert_close(decided.logits, module.actor(expected[0]), rtol=0, atol=1e-5)
        torch.testing.assert_close(decided.value, module.critic(expected[0])[:, 0], rtol=0, atol=1e-5)

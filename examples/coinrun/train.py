"""Train the agent of this folder by PPO: `python train.py coinrun.safetensors`, six minutes of one core."""

from __future__ import annotations

import collections
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from agent import Network, games
from safetensors.torch import save_file
from torch import nn
from torch.distributions import Categorical

GAMES, STEPS, MINIBATCHES, EPOCHS = 64, 32, 4, 1
DISCOUNT, SMOOTHING, CLIP, ENTROPY, RATE = 0.99, 0.95, 0.2, 0.01, 7e-4


class Rollout:
    """What was seen and done in `STEPS` decisions of `GAMES` games; everything is (decision, game, ...)."""

    def __init__(self) -> None:
        shape = (STEPS, GAMES)
        self.pictures = np.empty((*shape, 64, 64, 3), np.uint8)
        self.is_first, self.actions = torch.zeros(shape), torch.zeros(shape, dtype=torch.int64)
        self.log_probabilities, self.values, self.rewards = torch.zeros(shape), torch.zeros(shape), torch.zeros(shape)
        self.state = torch.zeros(GAMES, 64)

    def advantages(self, value: torch.Tensor, is_first: torch.Tensor) -> torch.Tensor:
        """Generalised advantage estimates, given the value of what comes next and whether that begins an episode."""
        found, following = torch.zeros_like(self.values), torch.zeros(GAMES)
        for step in reversed(range(STEPS)):
            goes_on = 1 - is_first
            error = self.rewards[step] + DISCOUNT * value * goes_on - self.values[step]
            following = error + DISCOUNT * SMOOTHING * goes_on * following
            found[step], value, is_first = following, self.values[step], self.is_first[step]
        return found


def pixels(pictures: np.ndarray) -> torch.Tensor:
    """(..., 64, 64, 3) uint8 to (batch, 3, 64, 64), 0 to 1."""
    flat = torch.from_numpy(pictures.reshape(-1, 64, 64, 3))
    return flat.permute(0, 3, 1, 2).float() / 255  # its channels stay last in memory, which is faster


def encoded(network: Network, pictures: np.ndarray) -> torch.Tensor:
    """By half as many digits, which is twice as fast."""
    with torch.autocast("cpu", torch.bfloat16):
        return network.encode(pixels(pictures)).float()


class Training:
    """PPO for a network with a memory."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.network = Network().to(memory_format=torch.channels_last)
        for head, gain in ((self.network.actor, 0.01), (self.network.critic, 1.0)):
            nn.init.orthogonal_(head.weight, gain)
            nn.init.zeros_(head.bias)
        self.optimizer = torch.optim.Adam(self.network.parameters(), RATE, eps=1e-5)
        self.games = games(GAMES, seed)
        self.state, self.running = torch.zeros(GAMES, 64), np.zeros(GAMES)
        self.returns: collections.deque[float] = collections.deque(maxlen=200)

    @torch.no_grad()
    def play(self) -> tuple[Rollout, torch.Tensor]:
        """The next decisions, and their advantages."""
        rollout = Rollout()
        rollout.state = self.state
        _, seen, first = self.games.observe()
        for step in range(STEPS):
            rollout.pictures[step], rollout.is_first[step] = seen["rgb"], torch.from_numpy(first).float()
            logits, value = self._decided(seen["rgb"], rollout.is_first[step])
            choice = Categorical(logits=logits)
            action = choice.sample()
            rollout.actions[step], rollout.values[step] = action, value
            rollout.log_probabilities[step] = choice.log_prob(action)
            self.games.act(action.numpy().astype(np.int32))
            reward, seen, first = self.games.observe()
            rollout.rewards[step] = torch.from_numpy(reward) / 10
            self.running += reward
            self.returns.extend(self.running[first])
            self.running[first] = 0
        is_first, state = torch.from_numpy(first).float(), self.state
        _, value = self._decided(seen["rgb"], is_first)
        self.state = state
        return rollout, rollout.advantages(value, is_first)

    def _decided(self, pictures: np.ndarray, is_first: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        network = self.network
        self.state = network.gru(encoded(network, pictures), self.state * (1 - is_first)[:, None])
        return network.actor(self.state), network.critic(self.state)[:, 0]

    def learn(self, rollout: Rollout, advantages: torch.Tensor) -> None:
        """Some steps of the optimizer, each on all decisions of some of the games."""
        targets = advantages + rollout.values
        for part in (each for _ in range(EPOCHS) for each in torch.randperm(GAMES).chunk(MINIBATCHES)):
            features = encoded(self.network, rollout.pictures[:, part.numpy()]).reshape(STEPS, len(part), -1)
            state, states = rollout.state[part], []
            for step in range(STEPS):
                state = self.network.gru(features[step], state * (1 - rollout.is_first[step, part])[:, None])
                states.append(state)
            hidden = torch.stack(states)
            choice = Categorical(logits=self.network.actor(hidden))
            ratio = (choice.log_prob(rollout.actions[:, part]) - rollout.log_probabilities[:, part]).exp()
            chosen = advantages[:, part]
            chosen = (chosen - chosen.mean()) / (chosen.std() + 1e-8)
            gain = torch.minimum(ratio * chosen, ratio.clamp(1 - CLIP, 1 + CLIP) * chosen).mean()
            error = (self.network.critic(hidden)[..., 0] - targets[:, part]).square().mean()
            self.optimizer.zero_grad()
            (0.5 * error - gain - ENTROPY * choice.entropy().mean()).backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 0.5)
            self.optimizer.step()


def train(path: Path, frames: int = 245_760, seed: int = 1) -> None:
    """Train and save, with the learning curve beside it; saved again after every 20 rollouts.

    Args:
        path: of the weights, `.safetensors`.
        frames: decisions.
        seed: of levels, weights and actions.
    """
    torch.set_num_threads(1)
    training = Training(seed)
    with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
        curve = csv.writer(file, lineterminator="\n")
        curve.writerow(["frames", "return"])
        for rollout in range(1, max(1, frames // (GAMES * STEPS)) + 1):
            training.learn(*training.play())
            if training.returns:
                curve.writerow([rollout * GAMES * STEPS, f"{np.mean(training.returns):.3f}"])
                file.flush()
            if rollout % 20 == 0:
                save(training.network, path)
    save(training.network, path)


def save(network: Network, path: Path) -> None:
    """In half precision: the file is half as large."""
    save_file({name: weight.half().contiguous() for name, weight in network.state_dict().items()}, path)


def main(arguments: Sequence[str]) -> None:
    """`train.py PATH [FRAMES [SEED]]`."""
    path, *numbers = arguments
    train(Path(path), *map(int, numbers))


if __name__ == "__main__":
    main(sys.argv[1:])

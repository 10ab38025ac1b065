"""Networks as people outside of this project write them, with random weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Nature(nn.Module):
    """Mnih et al. 2015, as CleanRL writes it: pixels are divided inside, actor and critic share the encoder."""

    def __init__(self, channels: int = 4, actions: int = 6) -> None:
        super().__init__()
        self.network = nn.Sequential(
            *(nn.Conv2d(channels, 32, 8, stride=4), nn.ReLU(), nn.Conv2d(32, 64, 4, stride=2), nn.ReLU()),
            *(nn.Conv2d(64, 64, 3, stride=1), nn.ReLU(), nn.Flatten(), nn.Linear(64 * 7 * 7, 512), nn.ReLU()),
        )
        self.actor, self.critic = nn.Linear(512, actions), nn.Linear(512, 1)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.network(pixels / 255.0)
        return self.actor(hidden), self.critic(hidden)


class Breakout(nn.Module):
    """Four convolutions with functional activations, a GRU cell, actor and critic: greydanus/baby-a3c."""

    def __init__(self) -> None:
        super().__init__()
        for number in range(1, 5):
            setattr(self, f"conv{number}", nn.Conv2d(1 if number == 1 else 32, 32, 3, stride=2, padding=1))
        self.gru = nn.GRUCell(32 * 5 * 5, 256)
        self.critic_linear, self.actor_linear = nn.Linear(256, 1), nn.Linear(256, 4)

    def forward(self, pixels: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            pixels = F.elu(convolution(pixels))
        state = self.gru(pixels.view(-1, 32 * 5 * 5), state)
        return self.actor_linear(state), self.critic_linear(state), state


class Residual(nn.Module):
    """A block of IMPALA."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv0, self.conv1 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.conv1(F.relu(self.conv0(F.relu(maps)))) + maps


class Sequence(nn.Module):
    """A convolution, a pooling and two blocks."""

    def __init__(self, before: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, channels, 3, padding=1)
        self.res0, self.res1 = Residual(channels), Residual(channels)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.res1(self.res0(F.max_pool2d(self.conv(maps), 3, stride=2, padding=1)))


class Impala(nn.Module):
    """Espeholt et al. 2018, as CleanRL writes it for Procgen; channels last, and three heads if asked for."""

    def __init__(
        self, channels: tuple[int, ...] = (16, 32, 32), side: int = 64, heads: tuple[int, ...] = (15,)
    ) -> None:
        super().__init__()
        before = (3, *channels)
        self.blocks = nn.ModuleList([Sequence(*each) for each in zip(before, channels, strict=False)])
        flat = channels[-1] * (-(-side // 2 ** len(channels))) ** 2
        self.hidden = nn.Linear(flat, 24)
        self.heads = nn.ModuleList([nn.Linear(24, outputs) for outputs in heads])
        self.critic = nn.Linear(24, 1)

    def forward(self, pixels: torch.Tensor) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
        maps = pixels.permute((0, 3, 1, 2)) / 255.0
        for block in self.blocks:
            maps = block(maps)
        hidden = torch.relu(self.hidden(torch.relu(maps.flatten(1))))
        return tuple(head(hidden) for head in self.heads), self.critic(hidden)[:, 0]


def channels_first(pixels: torch.Tensor) -> torch.Tensor:
    """(batch, height, width, channel) -> (batch, channel, height, width) float, 0 to 255."""
    return pixels.permute(0, 3, 1, 2).float()


def with_positive_weights(module: nn.Module) -> nn.Module:
    """Nothing cancels and no unit is silent, so that the gradient reaches all that a unit sees."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.rand_like(parameter) * 0.9 + 0.1)
    return module

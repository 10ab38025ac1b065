"""What units see is exactly what gradients reach: on networks drawn at random, and on operations one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from retinoscope.agents.field_geometry import Spacing, spacing_of
from retinoscope.agents.sight import Sight
from retinoscope.agents.tracing import trace
from tests.agents.networks import with_positive_weights

NETWORKS = 100


class RandomNetwork(nn.Module):
    """Convolutions, padding, pooling and skip connections in random order; sides unequal wherever they may be."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.draw = np.random.default_rng(seed)
        self.size = [int(side) for side in self.draw.integers(26, 41, 2)]
        self.shape = tuple(self.size)
        self.stages = nn.ModuleList()
        self.is_smooth = False
        channels, kinds = 2, ("conv", "conv", "conv", "max", "average", "skip", "pad", "concatenate", "crop")
        while len(self.stages) < 5:
            kind = str(self.draw.choice(kinds))
            made = getattr(self, f"_{kind}")(channels)
            if made is not None:
                self.stages.append(made[0])
                channels, self.size = made[1], made[2]

    def _window(self, largest: int, most_padding: int) -> tuple[list[tuple[int, int]], list[int]] | None:
        """Kernel, stride, padding and dilation, and the size behind them; None where the map is too small."""
        kernel, stride, dilation = (self.draw.integers(1, n + 1, 2) for n in (largest, 3, 2))
        padding = self.draw.integers(0, np.minimum(dilation * kernel // 2, most_padding) + 1)
        size = (np.array(self.size) + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        drawn = [(int(a), int(b)) for a, b in (kernel, stride, padding, dilation)]
        return (drawn, [int(side) for side in size]) if min(size) >= 3 else None

    def _conv(self, channels: int) -> tuple[nn.Module, int, list[int]] | None:
        found = self._window(5, 9)
        return None if found is None else (nn.Conv2d(channels, 3, *found[0]), 3, found[1])

    def _max(self, channels: int) -> tuple[nn.Module, int, list[int]] | None:
        return self._pool(Pool, channels)

    def _average(self, channels: int) -> tuple[nn.Module, int, list[int]] | None:
        return self._pool(nn.AvgPool2d, channels)

    def _pool(self, pool: type[nn.Module], channels: int) -> tuple[nn.Module, int, list[int]] | None:
        kernel = tuple(int(n) for n in self.draw.integers(2, 4, 2))
        module = pool(kernel, 2, tuple(int(n) // 2 for n in kernel), bool(self.draw.integers(2)))
        size = module(torch.zeros(1, 1, *self.size)).shape[2:]
        return (module, channels, list(size)) if min(size) >= 3 else None

    def _skip(self, channels: int) -> tuple[nn.Module, int, list[int]] | None:
        reach = int(self.draw.integers(1, 3))
        inner = nn.Conv2d(channels, channels, 3, padding=reach, dilation=reach)
        return Skip(inner), channels, self.size

    def _concatenate(self, channels: int) -> tuple[nn.Module, int, list[int]] | None:
        inner = nn.Conv2d(channels, 2, (1, 5), padding=(0, 2))
        return Concatenate(inner), channels + 2, self.size

    def _pad(self, channels: int) -> tuple[nn.Module, int, list[int]] | None:
        amounts = [int(n) for n in self.draw.integers(0, 3, 4)]
        mode = str(self.draw.choice(["constant", "reflect", "replicate"]))
        return Pad(amounts, mode), channels, [self.size[0] + sum(amounts[2:]), self.size[1] + sum(amounts[:2])]

    def _crop(self, channels: int) -> tuple[nn.Module, int, list[int]] | None:
        top, left = (int(n) for n in self.draw.integers(0, 3, 2))
        size = [len(range(top, self.size[0] - 1)), len(range(left, self.size[1], 2))]
        return (Crop(top, left), channels, size) if min(size) >= 3 else None

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        maps = pixels.permute(0, 3, 1, 2)
        for stage in self.stages:
            maps = F.elu(stage(maps))
        return maps


class Pool(nn.Module):
    """A maximum; smooth, an average over the same windows, whose gradient reaches all of them and not one of each."""

    def __init__(self, kernel: tuple[int, int], stride: int, padding: tuple[int, int], is_ceiled: bool) -> None:
        super().__init__()
        self.arguments = (kernel, stride, padding)
        self.is_ceiled = is_ceiled
        self.is_smooth = False

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        pool = F.avg_pool2d if self.is_smooth else F.max_pool2d
        return pool(maps, *self.arguments, ceil_mode=self.is_ceiled)


class Skip(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps + torch.relu(self.inner(maps))


class Concatenate(Skip):
    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.inner(maps), maps], 1)


class Pad(nn.Module):
    def __init__(self, amounts: list[int], mode: str) -> None:
        super().__init__()
        self.amounts, self.mode = amounts, mode

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return F.pad(maps, self.amounts, self.mode)


class Crop(nn.Module):
    def __init__(self, top: int, left: int) -> None:
        super().__init__()
        self.top, self.left = top, left

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps[:, :, self.top : -1, self.left :: 2]


def seen(run: Callable[[torch.Tensor], torch.Tensor], module: nn.Module, shape: tuple[int, ...]) -> Sight:
    """What the last operation's output sees, as it is followed."""
    pixels = torch.rand(2, *shape, requires_grad=True)
    sight = (
        trace(lambda pixels, _: run(pixels), module.requires_grad_(False), pixels, torch.zeros(2, 0))
        .operations[-1]
        .sight
    )
    assert sight is not None
    return sight


def reached(run: Callable[[torch.Tensor], torch.Tensor], shape: tuple[int, ...], axis: int) -> np.ndarray:
    """(position, pixel): the pixels along one side that the gradient of a row (or column) of the last map reaches."""
    pixels = torch.rand(3, *shape, requires_grad=True)
    maps = run(pixels)
    lines = (maps * torch.rand_like(maps)).sum(dim=(0, 1, 3 - axis))
    gradients = [torch.autograd.grad(line, pixels, retain_graph=True)[0] for line in lines]
    return torch.stack([(each != 0).any(dim=3).any(dim=0).any(dim=1 - axis) for each in gradients]).numpy()


def smooth(module: nn.Module) -> None:
    for part in module.modules():
        part.is_smooth = True


@pytest.mark.parametrize("seeds", [range(start, start + 25) for start in range(0, NETWORKS, 25)])
def test_geometry_is_the_support_of_the_gradient_on_networks_drawn_at_random(seeds: range) -> None:
    torch.manual_seed(seeds.start)
    uncut = 0
    for seed in seeds:
        network = with_positive_weights(RandomNetwork(seed))
        sight = seen(network, network, (*network.shape, 2))
        smooth(network)
        assert sight.dims == (2, 3)
        for axis, side in enumerate(sight.sides):
            truth = reached(network, (*network.shape, 2), axis)
            np.testing.assert_array_equal(side.sees, truth, err_msg=f"network {seed}, axis {axis}")
            assert side.is_exact and side.spacing is not None
            first, size, stride, low, high = side.spacing
            for position, pixels in enumerate(truth):
                start = first + position * stride
                if low <= start <= high - size:
                    (there,) = pixels.nonzero()
                    assert (there[0], there[-1] + 1) == (start, start + size), f"network {seed}, axis {axis}"
                    uncut += 1
    assert uncut > 100  # units whose whole field lies in the picture


Span = tuple[int, int, int] | None  # first, size, stride

OPERATIONS: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], tuple[Span, Span]]] = {
    "a resize by half": (lambda x: F.interpolate(x, scale_factor=0.5, mode="bilinear"), ((0, 2, 2),) * 2),
    "an antialiased resize": (
        lambda x: F.interpolate(x, (12, 10), mode="bilinear", antialias=True),
        ((-1, 4, 2),) * 2,
    ),
    "a resize that does not divide": (lambda x: F.interpolate(x, (7, 20), mode="area"), (None, (0, 1, 1))),
    "adaptive pooling that divides": (lambda x: F.adaptive_avg_pool2d(x, (6, 5)), ((0, 4, 4),) * 2),
    "adaptive pooling that does not": (lambda x: F.adaptive_avg_pool2d(x, (7, 5)), (None, (0, 4, 4))),
    "same padding": (lambda x: F.conv2d(x, torch.ones(1, 2, 4, 3), padding="same"), ((-1, 4, 1), (-1, 3, 1))),
    "a transposed convolution": (lambda x: F.conv_transpose2d(x, torch.ones(2, 1, 3, 3), stride=2), (None, None)),
    "circular padding": (lambda x: F.pad(x, (1, 1, 0, 0), "circular"), ((0, 1, 1), None)),
    "a flip": (lambda x: x.flip(3), ((0, 1, 1), None)),
    "space to depth": (lambda x: F.pixel_unshuffle(x, 2), ((0, 2, 2),) * 2),
    "tokens and back": (
        lambda x: (x.flatten(2).transpose(1, 2) * 2).transpose(1, 2).unflatten(2, (24, 20)),
        (None, None),
    ),
    "a mean of colours": (lambda x: x.mean(1)[:, None], ((0, 1, 1),) * 2),
    "a mean over rows": (lambda x: x.mean(2, keepdim=True) + x, (None, (0, 1, 1))),
    "a normalisation of all positions": (lambda x: F.group_norm(x, 1), (None, None)),
    "a normalisation of channels": (
        lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (2,)).permute(0, 3, 1, 2),
        ((0, 1, 1),) * 2,
    ),
    "a gate from everywhere": (lambda x: x * torch.sigmoid(x.mean((2, 3), keepdim=True)), (None, None)),
    "local response normalisation": (lambda x: F.local_response_norm(x, 2), ((0, 1, 1),) * 2),
    "chunks": (lambda x: torch.cat([part.exp() for part in x.chunk(2, 1)], 1), ((0, 1, 1),) * 2),
    "halves of a picture": (lambda x: x.split(12, 2)[1].clone(), ((12, 1, 1), (0, 1, 1))),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("name", OPERATIONS)
def test_geometry_behind_one_operation(name: str) -> None:
    torch.manual_seed(0)
    operation, spacing = OPERATIONS[name]

    def run(pixels: torch.Tensor) -> torch.Tensor:
        return operation(pixels.permute(0, 3, 1, 2))

    sight = seen(run, nn.Identity(), (24, 20, 2))
    for axis, side in enumerate(sight.sides):
        np.testing.assert_array_equal(side.sees, reached(run, (24, 20, 2), axis))
        assert (side.spacing and side.spacing[:3]) == spacing[axis] and side.is_exact
        assert bool(side.why) == (side.spacing is None)


@pytest.mark.parametrize(
    ("name", "operation"),
    {
        "einsum": lambda x: torch.einsum("bchw,hk->bckw", x, torch.eye(24).roll(3, 0)),
        "cat": lambda x: torch.cat([x, x.flip(2)], 2),
        "cumprod": lambda x: x.cumprod(2),
    }.items(),
)
def test_what_cannot_be_followed_is_said_and_may_see_everything(
    name: str, operation: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    for side in seen(lambda pixels: operation(pixels.permute(0, 3, 1, 2)), nn.Identity(), (24, 20, 2)).sides:
        assert side.sees.all() and not side.is_exact
        assert side.why == f"{name} is not followed"


def test_a_row_that_is_cut_at_the_border_does_not_hide_an_even_spacing() -> None:
    table = np.array([[1, 1, 0, 0, 0], [0, 1, 1, 1, 0], [0, 0, 0, 1, 1]], dtype=bool)
    assert spacing_of(table) is None  # one whole row alone does not tell how far apart they are
    wide = np.zeros((4, 8), dtype=bool)
    for row, (start, stop) in enumerate([(0, 2), (1, 4), (3, 6), (5, 8)]):
        wide[row, start:stop] = True
    assert spacing_of(wide) == Spacing(-1, 3, 2, 0, 8)
    wide[2, 4] = False
    assert spacing_of(wide) is None

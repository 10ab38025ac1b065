"""Training as in Lindsey et al. 2019: one folder for each bottleneck and seed, which goes on where it ended.

Forward and backward are computed in bfloat16, with master weights in float32: on processors that have it this is twice
as fast, and `precision="float32"` switches it off.
"""

from __future__ import annotations

import copy
import csv
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from images import Images
from model import Network, drawn
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

import retinoscope
from retinoscope.files import replacing
from retinoscope.rollouts.locking import only_writer
from retinoscope.training.freed_memory import keep_freed_memory

CHUNK = 2**17  # of a tensor, which stays in the processor's cache while it is updated
STATE, INITIAL, FINAL = "state.safetensors", "initial.safetensors", "final.safetensors"
CURVE, RECIPE = "curve.csv", "training.json"
COLUMNS = ("epoch", "seconds", "train_loss", "train_accuracy", "test_loss", "test_accuracy")


@dataclass(frozen=True)
class Recipe:
    """What one run is made of; all but its number of epochs is fixed once it has begun.

    Attributes:
        bottleneck: channels of the retina's output.
        seed: of the initial weights, the order of images and their shifts.
        hidden: units of the dense layer, which has nearly all of the weights.
        batch: images of an update.
        rate, decay: of learning; the rate at update n is `rate / (1 + decay n)`.
        forgetting, epsilon: of RMSprop, as in Keras.
        shift: largest, as a share of the side, in each direction.
        precision: `bfloat16` or `float32`.
    """

    bottleneck: int
    seed: int
    hidden: int = 1024
    batch: int = 64
    rate: float = 1e-4
    decay: float = 1e-6
    forgetting: float = 0.9
    epsilon: float = 1e-7
    shift: float = 0.1
    precision: str = "bfloat16"


def augmented(images: torch.Tensor, shift: float, generator: torch.Generator) -> torch.Tensor:
    """(image, 32, 32) each shifted by its own fraction of pixels, edges repeated, and every second one mirrored."""
    count, side = len(images), images.shape[-1]
    mirrored = torch.rand(count, generator=generator) < 0.5
    images = torch.where(mirrored[:, None, None], images.flip(-1), images)
    for axis in (1, 2):
        moved = (2 * torch.rand(count, 1, generator=generator) - 1) * shift * side
        places = torch.arange(side) + moved
        before = places.floor()
        part = (places - before).unsqueeze(3 - axis)
        shape = (count, side, 1) if axis == 1 else (count, 1, side)
        first, second = ((before.long() + n).clamp(0, side - 1).view(shape).expand_as(images) for n in (0, 1))
        images = images.gather(axis, first) * (1 - part) + images.gather(axis, second) * part
    return images


class RootMeanSquare:
    """RMSprop on master weights in float32, by the gradients of a copy in any precision, piece by piece.

    As Keras computes it: the rate decays with the inverse of time, and epsilon is added to the root.
    """

    def __init__(self, recipe: Recipe, master: Network, worker: nn.Module) -> None:
        self.recipe, self.updates = recipe, 0
        self.squares = {name: torch.zeros_like(each) for name, each in master.named_parameters()}
        self._master, self._worker = master, worker

    @torch.no_grad()
    def step(self) -> None:
        recipe = self.recipe
        rate = recipe.rate / (1 + recipe.decay * self.updates)
        self.updates += 1
        for (name, master), worker in zip(self._master.named_parameters(), self._worker.parameters(), strict=True):
            flat = [_as_stored(each).view(-1) for each in (worker, master, self.squares[name])]
            flat.append(_as_stored(worker.grad).reshape(-1))  # whose order in memory is the backward pass's choice
            for copied, weights, squares, gradient in zip(*(each.split(CHUNK) for each in flat), strict=True):
                gradient = gradient.float()
                squares.mul_(recipe.forgetting).addcmul_(gradient, gradient, value=1 - recipe.forgetting)
                weights.addcdiv_(gradient, squares.sqrt().add_(recipe.epsilon), value=-rate)
                copied.copy_(weights)


class Training:
    """A run in its folder."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder, self.recipe = folder, recipe
        self.network = drawn(recipe.seed, recipe.bottleneck, recipe.hidden).to(memory_format=torch.channels_last)
        self.worker = copy.deepcopy(self.network).to(getattr(torch, recipe.precision))
        self.rule = RootMeanSquare(recipe, self.network, self.worker)
        self.curve: list[dict[str, float]] = []
        if (folder / STATE).exists():
            self._load()
        else:
            folder.mkdir(parents=True, exist_ok=True)
            _write_json(folder / RECIPE, asdict(recipe))
            _write_weights(folder / INITIAL, self.network.state_dict(), {})

    @property
    def epochs(self) -> int:
        """How many are behind it."""
        return int(self.curve[-1]["epoch"]) if self.curve else 0

    def until(self, epochs: int, images: Images) -> None:
        """Go on until so many epochs are behind it."""
        if not self.curve:
            self._tested(images, 0, time.perf_counter(), (float("nan"), float("nan")))
        while self.epochs < epochs:
            self._epoch(images)
        if not (self.folder / FINAL).exists() or self._epochs_of(FINAL) != self.epochs:
            _write_weights(self.folder / FINAL, self.network.state_dict(), {"epochs": str(self.epochs)})

    def _epoch(self, images: Images) -> None:
        began, epoch = time.perf_counter(), self.epochs + 1
        # Everything drawn in an epoch depends on its number alone, so that an interruption changes nothing.
        generator = torch.Generator().manual_seed(1_000_003 * self.recipe.seed + epoch)
        order = torch.randperm(len(images.train), generator=generator)
        pixels, labels = torch.from_numpy(images.train), torch.from_numpy(images.train_labels)
        losses, right = 0.0, 0
        for chosen in order.split(self.recipe.batch):
            seen = augmented(pixels[chosen], self.recipe.shift, generator)
            logits = self._logits(seen)
            loss = nn.functional.cross_entropy(logits, labels[chosen])
            self.worker.zero_grad()
            loss.backward()
            self.rule.step()
            losses += float(loss.detach()) * len(chosen)
            right += int((logits.argmax(1) == labels[chosen]).sum())
        self._tested(images, epoch, began, (losses / len(order), right / len(order)))

    def _logits(self, pixels: torch.Tensor) -> torch.Tensor:
        worker = next(self.worker.parameters()).dtype
        return self.worker(pixels[:, None].to(worker, memory_format=torch.channels_last)).float()

    def _tested(self, images: Images, epoch: int, began: float, trained: tuple[float, float]) -> None:
        """Judge, write the row of the curve, and keep everything."""
        losses, right = 0.0, 0
        with torch.no_grad():
            for pixels, labels in _batches(images.test, images.test_labels):
                logits = self._logits(pixels)
                losses += float(nn.functional.cross_entropy(logits, labels, reduction="sum"))
                right += int((logits.argmax(1) == labels).sum())
        count = len(images.test)
        numbers = (epoch, time.perf_counter() - began, *trained, losses / count, right / count)
        self.curve.append(dict(zip(COLUMNS, numbers, strict=True)))
        self._save()
        row = self.curve[-1]
        name = f"bottleneck {self.recipe.bottleneck}, seed {self.recipe.seed}"
        shown = f"loss {row['train_loss']:.3f}, right {row['train_accuracy']:.3f}; test {row['test_accuracy']:.3f}"
        print(f"{name}, epoch {epoch}: {shown} ({row['seconds'] / 60:.1f} min)", flush=True)

    def _save(self) -> None:
        weights = self.network.state_dict()
        squares = {f"squares.{name}": each for name, each in self.rule.squares.items()}
        notes = {"epochs": str(self.epochs), "updates": str(self.rule.updates), "curve": json.dumps(self.curve)}
        convolutions = {name: each for name, each in weights.items() if name.startswith("conv")}
        _write_weights(self.folder / f"epoch_{self.epochs:02}.safetensors", convolutions, {})
        _write_weights(self.folder / STATE, weights | squares, notes)
        with replacing(self.folder / CURVE) as beside, beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.curve)

    def _load(self) -> None:
        before = json.loads((self.folder / RECIPE).read_text(encoding="utf-8"))
        if before != asdict(self.recipe):
            raise retinoscope.UserError(f"{self.folder}: holds a run of another recipe; choose another folder")
        tensors = load_file(self.folder / STATE)
        with torch.no_grad():
            for name, each in self.network.named_parameters():
                each.copy_(tensors[name])
                self.rule.squares[name].copy_(tensors[f"squares.{name}"])
            for worker, master in zip(self.worker.parameters(), self.network.parameters(), strict=True):
                worker.copy_(master)
        with safe_open(self.folder / STATE, "pt") as file:
            notes = file.metadata()
        self.rule.updates, self.curve = int(notes["updates"]), json.loads(notes["curve"])

    def _epochs_of(self, name: str) -> int:
        with safe_open(self.folder / name, "pt") as file:
            return int(file.metadata()["epochs"])


def train(images: Images, folder: Path, recipe: Recipe, epochs: int) -> None:
    """Train a run until so many epochs are behind it; what has been done already is kept.

    Raises:
        UserError: the folder holds a run of another recipe, or another process is at work there.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # squares of gradients that vanish would be many times slower than others
    keep_freed_memory()
    folder.mkdir(parents=True, exist_ok=True)
    with only_writer(folder):
        Training(folder, recipe).until(epochs, images)


def _as_stored(tensor: torch.Tensor) -> torch.Tensor:
    """Kernels lie in memory with their channels last."""
    return tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor


def _batches(images: np.ndarray, labels: np.ndarray) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    yield from zip(torch.from_numpy(images).split(100), torch.from_numpy(labels).split(100), strict=True)


def _write_weights(path: Path, tensors: dict[str, torch.Tensor], notes: dict[str, str]) -> None:
    with replacing(path) as beside:
        save_file({name: each.contiguous() for name, each in tensors.items()}, beside, notes)


def _write_json(path: Path, content: object) -> None:
    with replacing(path) as beside:
        beside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

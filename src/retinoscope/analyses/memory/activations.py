"""Activations of components over all steps of all samples, in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.memory.memory_components import FittedComponents
from retinoscope.analyses.memory.samples import BLOCK_VALUES, Samples, open_array

_IN_MEMORY = 256_000_000  # bytes of activations; more go to a file


class Activations:
    """Activations of components, (sample, step, component), held in memory if small, else in a file.

    Attributes:
        count, steps, components: sizes.
    """

    def __init__(self, source: NDArray[np.floating] | Path, shape: tuple[int, int, int]) -> None:
        self._source = source
        self.count, self.steps, self.components = shape

    def samples(self, start: int, stop: int) -> NDArray[np.floating]:
        """(sample, step, component), a copy."""
        # A file is mapped anew for every block: what is no longer mapped takes no memory.
        array = self._source if isinstance(self._source, np.ndarray) else open_array(self._source)
        return np.array(array[start:stop])

    def blocks(self, chosen: slice = slice(None)) -> Iterator[NDArray[np.floating]]:
        """All samples in order, some at a time, (sample, step, component chosen)."""
        size = max(1, BLOCK_VALUES // (self.steps * self.components))
        for start in range(0, self.count, size):
            yield self.samples(start, min(start + size, self.count))[:, :, chosen]

    def step_blocks(self) -> Iterator[NDArray[np.floating]]:
        """All steps in order, (step, component)."""
        for block in self.blocks():
            yield block.reshape(-1, self.components)


@contextmanager
def activations_of(samples: Samples, fitted: FittedComponents, scratch: Path | None = None) -> Iterator[Activations]:
    """The activations over all steps, for as long as the `with` block lasts.

    Args:
        samples: activity.
        fitted: its components.
        scratch: where a large file may be put for the while; None for the system's place for such files.
    """
    shape = (samples.count, samples.steps, len(fitted.numbers))
    if int(np.prod(shape)) * samples.dtype.itemsize <= _IN_MEMORY:
        values = np.empty(shape, samples.dtype)
        _fill(values, samples, fitted)
        yield Activations(values, shape)
        return
    with tempfile.TemporaryDirectory(dir=scratch, prefix=".activations-") as folder:
        path = Path(folder) / "activations.npy"
        np.lib.format.open_memmap(path, mode="w+", dtype=samples.dtype, shape=shape)
        _fill(path, samples, fitted)
        yield Activations(path, shape)


def _fill(place: NDArray[np.floating] | Path, samples: Samples, fitted: FittedComponents) -> None:
    start = 0
    for block in samples.blocks():
        whole = place if isinstance(place, np.ndarray) else np.load(place, mmap_mode="r+", allow_pickle=False)
        whole[start : start + len(block)] = fitted.transform(block)
        start += len(block)

"""Samples: stretches of consecutive steps of equal length, from anyone's arrays, a folder of files, or a recording.

All are read block by block, so that memory does not grow with their number.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retinoscope.errors import UserError

BLOCK_VALUES = 4_000_000
"""About how many numbers are held at a time."""

_HELD_VALUES = 16_000_000  # of a folder: up to so many numbers are kept, so that small files are read once

ACTIVITY_FILE, FRAMES_FILE = "agent_hs.npy", "ims.npy"
"""What lies in the folder of each sample."""

_PICTURES = (".png", ".jpg", ".jpeg")


class Samples(abc.ABC):
    """Activity (sample, step, unit), and, where there are any, the frames that go with it.

    Attributes:
        count, steps, units: sizes.
        names: of the samples; None if they are known by their numbers, from 0.
        source: where they come from, for captions and provenance.
        dtype: of the activity as it is given out, float32 or float64.
    """

    count: int
    steps: int
    units: int
    names: tuple[str, ...] | None = None
    source: str = ""
    dtype: np.dtype = np.dtype(np.float32)

    @abc.abstractmethod
    def activity(self, start: int, stop: int) -> NDArray[np.floating]:
        """Samples from `start` up to but not including `stop`: (sample, step, unit), of `dtype`."""

    def frames(self, sample: int) -> NDArray[Any] | None:
        """What was seen during a sample, (step, height, width, channel); None where that is not known."""
        return None

    def blocks(self, values: int = BLOCK_VALUES) -> Iterator[NDArray[np.floating]]:
        """All samples in order, as many at a time as `values` numbers allow, one at least."""
        size = max(1, values // (self.steps * self.units))
        for start in range(0, self.count, size):
            yield self.activity(start, min(start + size, self.count))

    def name(self, sample: int) -> str | int:
        """By which a sample is known: its name, else its number."""
        return self.names[sample] if self.names is not None else sample

    def group(self, samples: NDArray[np.integer]) -> NDArray[np.integer]:
        """To which independent unit of observation each sample belongs: itself, or the episode it was cut from."""
        return samples


class ArraySamples(Samples):
    """An array in memory, or a `.npy` file of which never more than a block is mapped.

    Args:
        activity: (sample, step, unit), or the path of a `.npy` file that holds it; read as float32 if it is of 32 bits
            or fewer, else as float64.
        frames: (sample, step, height, width, channel) uint8, the path of such a file, or a folder: see `FrameFolder`.
        names: of the samples.

    Raises:
        UserError: it is no such array, or frames and activity do not belong together.
    """

    def __init__(
        self,
        activity: NDArray[Any] | str | Path,
        frames: NDArray[np.uint8] | str | Path | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        self._path = None if isinstance(activity, np.ndarray) else Path(activity)
        self._array = activity if isinstance(activity, np.ndarray) else None
        self.source = "an array" if self._path is None else str(self._path)
        shape, dtype = self._open().shape, self._open().dtype
        if dtype.kind not in "fiub":
            raise UserError(f"{self.source}: holds {dtype}, not numbers; give an array of float32")
        if len(shape) != 3 or 0 in shape:
            raise UserError(
                f"{self.source}: has the shape {shape}; give (sample, step, unit), each at least 1, all samples of as "
                "many steps"
            )
        self.count, self.steps, self.units = shape
        self.dtype = np.dtype(np.float32 if dtype.kind == "f" and dtype.itemsize <= 4 else np.float64)
        self.names = None if names is None else _checked_names(names, self.count, self.source)
        self._frames = _frame_source(frames, self)

    def activity(self, start: int, stop: int) -> NDArray[np.floating]:
        # Opened anew for every block: what is no longer mapped takes no memory.
        return np.array(self._open()[start:stop], self.dtype)

    def frames(self, sample: int) -> NDArray[np.uint8] | None:
        return None if self._frames is None else self._frames.of(sample)

    def _open(self) -> NDArray[Any]:
        return self._array if self._array is not None else open_array(self._path or Path())


class FolderSamples(Samples):
    """A folder with a folder for each sample, as `sample_00000/agent_hs.npy` and `ims.npy`.

    The activity of a sample is (step, unit), or (step, 1, unit); its frames, if there are any, (step, height, width,
    channel) or (step, channel, height, width), uint8 or float from 0 to 1. The names of the folders, in ascending
    order, are the names of the samples.

    Raises:
        UserError: there is no sample, or samples differ in their numbers of steps or units.
    """

    def __init__(self, folder: str | Path) -> None:
        self.source = str(folder)
        self._paths = sorted(Path(folder).glob(f"*/{ACTIVITY_FILE}"))
        self._held: NDArray[np.floating] | None = None
        if not self._paths:
            raise UserError(f"{folder}: holds no */{ACTIVITY_FILE}; give a folder with one folder for each sample")
        self.names = tuple(path.parent.name for path in self._paths)
        first = self._read(0)
        self.count, (self.steps, self.units) = len(self._paths), first.shape
        self.dtype = np.dtype(np.float32 if first.dtype.itemsize <= 4 and first.dtype.kind == "f" else np.float64)

    def activity(self, start: int, stop: int) -> NDArray[np.floating]:
        if self.count * self.steps * self.units <= _HELD_VALUES:
            if self._held is None:
                self._held = self._read_all(0, self.count)
            return self._held[start:stop].copy()
        return self._read_all(start, stop)

    def _read_all(self, start: int, stop: int) -> NDArray[np.floating]:
        values = np.empty((stop - start, self.steps, self.units), self.dtype)
        for sample in range(start, stop):
            one = self._read(sample)
            if one.shape != (self.steps, self.units):
                raise UserError(
                    f"{self._paths[sample]}: has {one.shape[0]} steps of {one.shape[1]} units, the first sample "
                    f"{self.steps} of {self.units}; all samples must be of one size"
                )
            values[sample - start] = one
        return values

    def frames(self, sample: int) -> NDArray[np.uint8] | None:
        path = self._paths[sample].with_name(FRAMES_FILE)
        return _as_frames(open_array(path), path, self.steps) if path.is_file() else None

    def _read(self, sample: int) -> NDArray[Any]:
        path = self._paths[sample]
        values = open_array(path, mapped=False)
        if values.dtype.kind not in "fiub":
            raise UserError(f"{path}: holds {values.dtype}, not numbers; give an array of float32")
        if values.ndim == 3 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 2 or 0 in values.shape:
            raise UserError(f"{path}: has the shape {values.shape}; give (step, unit)")
        return values


class FrameFolder:
    """Frames in a folder: of each sample NAME/ims.npy, NAME.npy, or the pictures in NAME/ in the order of their names.

    NAME is the name of the sample; without names, what there is in natural order is taken for samples 0, 1, ....
    """

    def __init__(self, folder: Path, samples: Samples) -> None:
        entries = [path for path in folder.iterdir() if path.is_dir() or path.suffix == ".npy"]
        by_name = {path.stem if path.suffix == ".npy" else path.name: path for path in sorted(entries)}
        names = samples.names or tuple(sorted(by_name, key=_natural))
        missing = [name for name in names if name not in by_name]
        if missing or len(names) != samples.count:
            raise UserError(
                f"{folder}: has frames of {len(by_name):,} samples, the activity is of {samples.count:,}"
                + (f"; none for {missing[0]!r}" if missing else "")
                + "; give one file or folder for each"
            )
        self._paths = [by_name[name] for name in names]
        self._steps = samples.steps

    def of(self, sample: int) -> NDArray[np.uint8]:
        """(step, height, width, channel)."""
        path = self._paths[sample]
        if path.suffix == ".npy":
            return _as_frames(open_array(path), path, self._steps)
        if (path / FRAMES_FILE).is_file():
            return _as_frames(open_array(path / FRAMES_FILE), path, self._steps)
        pictures = sorted(
            (each for each in path.iterdir() if each.suffix.lower() in _PICTURES), key=lambda each: _natural(each.name)
        )
        if len(pictures) != self._steps:
            raise UserError(
                f"{path}: has {len(pictures)} pictures, a sample has {self._steps} steps; give one for each"
            )
        try:
            return np.stack([np.asarray(Image.open(each).convert("RGB")) for each in pictures])
        except (OSError, ValueError):
            raise UserError(
                f"{path}: pictures cannot be read, or differ in size; give whole ones of one size"
            ) from None


class _FrameArray:
    def __init__(self, frames: NDArray[Any] | Path, samples: Samples) -> None:
        self._frames, self._steps = frames, samples.steps
        shape = self._open().shape
        if len(shape) != 5 or shape[:2] != (samples.count, samples.steps):
            raise UserError(
                f"frames of shape {shape}: the activity has {samples.count:,} samples of {samples.steps} steps; give "
                "(sample, step, height, width, channel)"
            )

    def of(self, sample: int) -> NDArray[np.uint8]:
        return _as_frames(self._open()[sample], Path(f"frames of sample {sample}"), self._steps)

    def _open(self) -> NDArray[Any]:
        return self._frames if isinstance(self._frames, np.ndarray) else open_array(self._frames)


def open_array(path: Path, mapped: bool = True) -> NDArray[Any]:
    """Map a `.npy` file of plain numbers, or read it, which is quicker for small ones.

    Raises:
        UserError: there is none, or it needs a pickle to be read, which is refused.
    """
    try:
        found = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; give a .npy file") from None
    except (ValueError, EOFError, OSError) as error:
        why = (
            "holds objects, which are not read" if "bject" in str(error) or "ickle" in str(error) else "is no .npy file"
        )
        raise UserError(f"{path}: {why}; save plain numbers with numpy.save") from None
    if not isinstance(found, np.ndarray):
        found.close()
        raise UserError(f"{path}: is an .npz archive; save one array with numpy.save")
    return found


def _frame_source(frames: NDArray[Any] | str | Path | None, samples: Samples) -> FrameFolder | _FrameArray | None:
    if frames is None or isinstance(frames, np.ndarray):
        return None if frames is None else _FrameArray(frames, samples)
    path = Path(frames)
    return FrameFolder(path, samples) if path.is_dir() else _FrameArray(path, samples)


def _as_frames(values: NDArray[Any], path: Path, steps: int) -> NDArray[np.uint8]:
    """(step, height, width, channel) uint8 from either order of axes and either range."""
    if values.ndim == 4 and values.shape[-1] not in (1, 3) and values.shape[1] in (1, 3):
        values = np.moveaxis(values, 1, -1)
    if values.ndim != 4 or values.shape[0] != steps or values.shape[-1] not in (1, 3):
        raise UserError(
            f"{path}: has the shape {values.shape}; give {steps} frames, (step, height, width, channel) with 1 or 3 "
            "channels"
        )
    if values.dtype == np.uint8:
        return np.array(values)
    if values.dtype.kind != "f" or not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise UserError(f"{path}: frames must be uint8, or float from 0 to 1; convert them")
    return np.rint(np.asarray(values, np.float64) * 255).astype(np.uint8)


def _checked_names(names: Sequence[str], count: int, source: str) -> tuple[str, ...]:
    if len(names) != count or len(set(names)) != count:
        raise UserError(f"{source}: has {count:,} samples and {len(set(names)):,} different names; give one for each")
    return tuple(map(str, names))


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sorts `frame_10` behind `frame_9`."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name) if part)

"""Movies from streams of frames: MP4 for watching, GIF for slides and for pages that play nothing else."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from retinoscope.analyses.drawing import GIF_EVERY, GIF_SHRINK
from retinoscope.files import replacing

_PALETTE_FRAMES = 64  # of the first frames kept, those whose colours make a GIF's palette
_PALETTE_COLOURS = 192  # the other 64 are a coarse cube over all colours, for what only comes later
_BT709 = 1  # the number of this colour space, its primaries and its transfer curve in H.264
_EFFORT = {False: {"preset": "veryfast"}, True: {"preset": "ultrafast"}}
_QUALITY = "21"  # x264's constant rate factor: the blocks of enlarged pixels keep their edges


@dataclass(frozen=True)
class Movie:
    """A movie that was written."""

    path: Path
    frames: int
    width: int
    height: int
    frames_per_second: float


def write_movie(path: str | Path, frames: Iterable[np.ndarray], frames_per_second: float, quick: bool = False) -> Movie:
    """Encode frames as they come, so that memory does not grow with their number.

    The file is written beside its place and renamed when complete; if the frames or the encoder fail, nothing is left
    and a movie that was there before stays.

    Args:
        path: ends in `.mp4` (H.264, 4:2:0 colour, playable from the first byte on) or `.gif` (256 colours, half the
            size, every second frame; plays for the same time).
        frames: (height, width, 3) uint8 RGB, all of one size; height and width even for MP4.
        frames_per_second: at which the frames are to be shown.
        quick: encode an MP4 with less effort: in about a third of the time, and half as large again.

    Raises:
        ValueError: there is no frame, the frames cannot be encoded, or the path has another ending.
    """
    path = Path(path)
    encoders: dict[str, Callable[[Path, Iterator[np.ndarray], Fraction], tuple[int, int, int, Fraction]]] = {
        ".mp4": functools.partial(_encode_mp4, quick=quick),
        ".gif": _encode_gif,
    }
    if path.suffix not in encoders:
        raise ValueError(f"{path}: a movie ends in .mp4 or .gif")
    if frames_per_second <= 0:
        raise ValueError(f"frames_per_second is {frames_per_second}; it must be above 0")
    rate = Fraction(frames_per_second).limit_denominator(1000)
    with replacing(path) as temporary:
        count, width, height, rate = encoders[path.suffix](temporary, _checked(frames), rate)
    return Movie(path, count, width, height, float(rate))


def _checked(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The frames, contiguous, refused where they are not of one size and kind."""
    shape = None
    for frame in frames:
        shape = shape or frame.shape
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.shape != shape:
            raise ValueError(
                f"a frame is {frame.shape} {frame.dtype}; all must be (height, width, 3) uint8 of one size"
            )
        yield np.ascontiguousarray(frame)
    if shape is None:
        raise ValueError("a movie needs at least one frame")


def _encode_mp4(
    path: Path, frames: Iterator[np.ndarray], rate: Fraction, quick: bool
) -> tuple[int, int, int, Fraction]:
    first = next(frames)
    height, width = first.shape[:2]
    if height % 2 or width % 2:
        raise ValueError(f"frames are {width}x{height}; H.264 with 4:2:0 colour needs even numbers")
    count = 0
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": _QUALITY, **_EFFORT[quick]})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        # Said explicitly: players guess differently when it is left open, and colours shift.
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = av.video.reformatter.ColorRange.MPEG
        for count, frame in enumerate(itertools.chain([first], frames), start=1):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture = picture.reformat(
                format="yuv420p",
                dst_colorspace=av.video.reformatter.Colorspace.ITU709,
                dst_color_range=av.video.reformatter.ColorRange.MPEG,
            )
            picture.pts, picture.time_base = count - 1, 1 / rate
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return count, width, height, rate


def _encode_gif(path: Path, frames: Iterator[np.ndarray], rate: Fraction) -> tuple[int, int, int, Fraction]:
    kept = (_shrink(frame) for frame in itertools.islice(frames, 0, None, GIF_EVERY))
    beginning = list(itertools.islice(kept, _PALETTE_FRAMES))
    height, width = beginning[0].shape[:2]
    rate = rate / GIF_EVERY
    palette, lookup = _palette(beginning)
    count = 0
    with av.open(str(path), "w", format="gif") as container:
        stream = container.add_stream("gif", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"
        for count, frame in enumerate(itertools.chain(beginning, kept), start=1):
            coarse = frame.astype(np.uint16) >> 3
            indices = lookup[coarse[..., 0] << 10 | coarse[..., 1] << 5 | coarse[..., 2]]
            picture = av.VideoFrame.from_ndarray((indices, palette), format="pal8")  # type: ignore[arg-type]
            picture.pts, picture.time_base = count - 1, 1 / rate
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return count, width, height, rate


def _shrink(frame: np.ndarray) -> np.ndarray:
    """Means of blocks of pixels."""
    return np.asarray(Image.fromarray(frame).reduce(GIF_SHRINK))


def _palette(beginning: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """One palette for all frames, so that what does not change from frame to frame costs nothing.

    Returns:
        The palette, (256, 4) uint8 as alpha, red, green, blue; and for each of the 32 x 32 x 32 coarse colours the
        index of the nearest entry, (32768,) uint8.
    """
    step = max(1, len(beginning) // 8)
    sample = Image.fromarray(np.concatenate(beginning[::step]))
    adaptive = sample.quantize(_PALETTE_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    colours = (adaptive.getpalette() or [])[: 3 * _PALETTE_COLOURS]
    colours += [0] * (3 * _PALETTE_COLOURS - len(colours))
    colours += [level for cell in itertools.product((0, 85, 170, 255), repeat=3) for level in cell]
    palette = np.full((256, 4), 255, np.uint8)
    palette[:, 1:] = np.reshape(colours, (256, 3))
    levels = np.arange(32) * 255 // 31
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32)
    entries = palette[:, 1:].astype(np.float32)
    # Squared distance, less what is the same for all entries.
    lookup = ((entries**2).sum(axis=1) - 2 * cube @ entries.T).argmin(axis=1).astype(np.uint8)
    return palette, lookup

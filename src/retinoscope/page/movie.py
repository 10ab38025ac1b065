"""Movies from streams of frames: MP4 for watching, GIF for slides and for pages that play nothing else."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from PIL import Image

from retinoscope.analyses.drawing import GIF_EVERY, GIF_SHRINK
from retinoscope.files import replacing

_PALETTE_FRAMES = 64  # of the first frames kept, those whose colours make a GIF's palette
_PALETTE_COLOURS = 192  # the other 64 are a coarse cube over all colours, for what only comes later
_BT709 = 1  # the number of this colour space, its primaries and its transfer curve in H.264

X264 = {
    "preset": "veryfast",
    "qp": "28",
    "x264-params": ":".join(
        (
            # What is drawn as blocks of equal colour keeps its edges, and needs no smoothing over.
            "no-deblock=1",
            # Transforms of 4 x 4: a block whose edges lie on multiples of 4 is one number. Of 8 x 8 it would be many.
            "8x8dct=0",
            "partitions=i4x4",
            # Colour says the sign of activity: it is kept more exactly than lightness.
            "chroma-qp-offset=-3",
            # Faint units count as much as strong ones: no bits are moved from flat to busy places, or dropped.
            "aq-mode=0",
            "no-psy=1",
            "no-dct-decimate=1",
            # Looking ahead finds little: what is seen is new in every frame.
            "mbtree=0",
            "rc-lookahead=0",
            "sync-lookahead=0",
            "bframes=0",
            "weightp=0",
            "ref=2",
        )
    ),
}
"""How MP4 are encoded: found by trial on the movies of a run, as close to what is drawn as x264's presets of constant
quality 21 and smaller (`benchmarks/movies.py`)."""


@dataclass(frozen=True)
class Movie:
    """A movie that was written; `seconds` went into its encoding."""

    path: Path
    frames: int
    width: int
    height: int
    frames_per_second: float
    seconds: float


def write_movie(path: str | Path, frames: Iterable[np.ndarray], frames_per_second: float) -> Movie:
    """Encode frames as they come; see `write_movies`."""
    return write_movies((path,), frames, frames_per_second)[0]


def write_movies(
    paths: Iterable[str | Path], frames: Iterable[np.ndarray], frames_per_second: float
) -> tuple[Movie, ...]:
    """Encode frames as they come into several files, so that memory does not grow with their number.

    The files are written beside their places and renamed when complete; if the frames or an encoder fail, nothing is
    left and movies that were there before stay.

    Args:
        paths: each ends in `.mp4` (H.264, 4:2:0 colour, playable from the first byte on) or `.gif` (256 colours, half
            the size, every second frame; plays for the same time).
        frames: (height, width, 3) uint8 RGB, all of one size; height and width even for MP4.
        frames_per_second: at which the frames are to be shown.

    Raises:
        ValueError: there is no frame, the frames cannot be encoded, or a path has another ending.
    """
    wanted = [Path(path) for path in paths]
    for path in wanted:
        if path.suffix not in _ENCODERS:
            raise ValueError(f"{path}: a movie ends in .mp4 or .gif")
    if frames_per_second <= 0:
        raise ValueError(f"frames_per_second is {frames_per_second}; it must be above 0")
    rate = Fraction(frames_per_second).limit_denominator(1000)
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(replacing(path)) for path in wanted]
        encoders = [_ENCODERS[path.suffix](place, rate) for path, place in zip(wanted, places, strict=True)]
        for each in encoders:
            stack.callback(each.close)
            next(each)
        return _encode(wanted, encoders, _checked(frames))


def _encode(paths: list[Path], encoders: list[_Encoder], frames: Iterator[np.ndarray]) -> tuple[Movie, ...]:
    """Give every frame to every encoder, and take the time of each."""
    seconds = [0.0] * len(encoders)
    movies = []
    for frame in frames:
        for number, encoder in enumerate(encoders):
            began = time.monotonic()
            encoder.send(frame)
            seconds[number] += time.monotonic() - began
    for path, encoder, spent in zip(paths, encoders, seconds, strict=True):
        began = time.monotonic()
        try:
            encoder.send(None)
        except StopIteration as ended:
            count, width, height, rate = ended.value
        movies.append(Movie(path, count, width, height, float(rate), spent + time.monotonic() - began))
    return tuple(movies)


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


_Encoder = Generator[None, np.ndarray | None, tuple[int, int, int, Fraction]]
"""Is sent frame by frame and then None; returns how many frames were written, width, height and rate."""


def _encode_mp4(path: Path, rate: Fraction) -> _Encoder:
    frame = yield
    assert frame is not None
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        raise ValueError(f"frames are {width}x{height}; H.264 with 4:2:0 colour needs even numbers")
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options=X264)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        # Said explicitly: players guess differently when it is left open, and colours shift.
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = ColorRange.MPEG
        # One picture and one converter for all frames: to make them anew takes longer than the conversion.
        picture, converter = av.VideoFrame(width, height, "rgb24"), VideoReformatter()
        plane = picture.planes[0]
        pixels = np.frombuffer(memoryview(plane), np.uint8).reshape(height, plane.line_size)[:, : 3 * width]
        count = 0
        while frame is not None:
            pixels[...] = frame.reshape(height, 3 * width)
            converted = converter.reformat(
                picture, format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            converted.pts, converted.time_base = count, 1 / rate
            container.mux(stream.encode(converted))
            count += 1
            del frame  # so that it is gone before the next one is composed
            frame = yield
        container.mux(stream.encode(None))
    return count, width, height, rate


def _encode_gif(path: Path, rate: Fraction) -> _Encoder:
    rate = rate / GIF_EVERY
    beginning: list[np.ndarray] = []
    kept = yield from _next_kept(0)
    while kept is not None and len(beginning) < _PALETTE_FRAMES:
        beginning.append(kept)
        kept = yield from _next_kept(GIF_EVERY - 1)
    height, width = beginning[0].shape[:2]
    palette, lookup = _palette(beginning)
    count = 0
    with av.open(str(path), "w", format="gif") as container:
        stream = container.add_stream("gif", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"

        def put(frame: np.ndarray) -> int:
            coarse = frame.astype(np.uint16) >> 3
            indices = lookup[coarse[..., 0] << 10 | coarse[..., 1] << 5 | coarse[..., 2]]
            picture = av.VideoFrame.from_ndarray((indices, palette), format="pal8")  # type: ignore[arg-type]
            picture.pts, picture.time_base = count, 1 / rate
            container.mux(stream.encode(picture))
            return count + 1

        for small in beginning:
            count = put(small)
        while kept is not None:
            count = put(kept)
            kept = yield from _next_kept(GIF_EVERY - 1)
        container.mux(stream.encode(None))
    return count, width, height, rate


def _next_kept(skipped: int) -> Generator[None, np.ndarray | None, np.ndarray | None]:
    """Of the frames that come, the one behind so many others, made small; None if there is none."""
    for _ in range(skipped):
        if (yield) is None:
            return None
    frame = yield
    return None if frame is None else _shrink(frame)


_ENCODERS: dict[str, Callable[[Path, Fraction], _Encoder]] = {".mp4": _encode_mp4, ".gif": _encode_gif}


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

"""Movies hold the frames that were written, play everywhere, and appear whole or not at all."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from retinoscope.page.movie import write_movie, write_movies

COLOURS = np.array([[255, 255, 255], [0, 98, 158], [176, 66, 0], [20, 120, 40], [0, 0, 0], [150, 156, 166]], np.uint8)


def patches(count: int, height: int = 96, width: int = 128) -> list[np.ndarray]:
    """Coloured blocks of 16 x 16 pixels that move on by one block each frame."""
    index = np.add.outer(np.arange(height) // 16, np.arange(width) // 16)
    return [COLOURS[(index + number) % len(COLOURS)] for number in range(count)]


def decode(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_mp4_holds_every_frame_and_its_colours(tmp_path: Path) -> None:
    source = patches(25)
    movie = write_movie(tmp_path / "m.mp4", source, 17.5)
    decoded = decode(movie.path)
    assert movie.frames == len(decoded) == 25
    assert (movie.width, movie.height, movie.frames_per_second) == (128, 96, 17.5)
    for frame, original in zip(decoded, source, strict=True):
        assert np.abs(frame[8::16, 8::16].astype(int) - original[8::16, 8::16]).max() <= 6
        assert np.abs(frame.astype(int) - original).mean() < 4


def test_blocks_on_multiples_of_four_pixels_keep_their_edges_and_cost_less(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    shades = [random.integers(0, 256, (26, 34, 1), dtype=np.uint8) for _ in range(12)]
    blocks = [np.broadcast_to(each, (26, 34, 3)).repeat(4, axis=0).repeat(4, axis=1) for each in shades]
    sizes, errors = [], []
    for shift in (0, 2):
        source = [each[shift : shift + 96, shift : shift + 128] for each in blocks]
        movie = write_movie(tmp_path / f"{shift}.mp4", source, 10)
        sizes.append(movie.path.stat().st_size)
        decoded = decode(movie.path)
        errors.append(np.mean([np.abs(a.astype(int) - b).mean() for a, b in zip(decoded, source, strict=True)]))
    assert sizes[0] < 0.6 * sizes[1]
    assert errors[0] < 0.8 * errors[1]
    inside = np.array(decode(tmp_path / "0.mp4"), int).reshape(12, 24, 4, 32, 4, 3)
    assert (inside.max(axis=(2, 4)) - inside.min(axis=(2, 4))).mean() < 2, "within a block there is one colour"


def test_several_files_are_written_from_frames_that_are_composed_once(tmp_path: Path) -> None:
    composed = []

    def frames() -> Iterator[np.ndarray]:
        for each in patches(151):
            composed.append(each)
            yield each

    both = write_movies([tmp_path / "m.mp4", tmp_path / "m.gif"], frames(), 17.5)
    assert len(composed) == 151
    assert [each.frames for each in both] == [151, 76]
    for each in both:
        alone = write_movie(tmp_path / f"alone{each.path.suffix}", patches(151), 17.5)
        assert alone.path.read_bytes() == each.path.read_bytes()
        assert (alone.width, alone.height, alone.frames_per_second) == (each.width, each.height, each.frames_per_second)


def test_one_file_that_fails_leaves_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="even"):
        write_movies([tmp_path / "m.gif", tmp_path / "m.mp4"], patches(3, width=127), 10)
    assert list(tmp_path.iterdir()) == []


def test_mp4_is_of_the_kind_that_plays_everywhere(tmp_path: Path) -> None:
    movie = write_movie(tmp_path / "m.mp4", patches(35), 17.5)
    with av.open(str(movie.path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert float(stream.average_rate) == 17.5
        assert float(stream.duration * stream.time_base) == pytest.approx(2.0)
    content = movie.path.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat"), "the index comes first, so that it plays while loading"


@pytest.mark.parametrize("count", [1, 8, 151])
def test_gif_holds_every_second_frame_at_half_the_size_for_the_same_time(count: int, tmp_path: Path) -> None:
    source = patches(count)
    movie = write_movie(tmp_path / "m.gif", source, 17.5)
    decoded = decode(movie.path)
    assert movie.frames == len(decoded) == (count + 1) // 2
    for frame, original in zip(decoded, source[::2], strict=True):
        assert frame.shape == (48, 64, 3)
        assert np.abs(frame[4::8, 4::8].astype(int) - original[8::16, 8::16]).max() <= 8
    with Image.open(movie.path) as image:
        shown = sum(image.seek(index) or image.info["duration"] for index in range(getattr(image, "n_frames", 1)))
        assert count == 1 or image.info["loop"] == 0, "it goes on for ever"
    assert shown == pytest.approx(movie.frames * 2 / 17.5 * 1000, abs=40)


def test_gif_shows_colours_that_only_come_late(tmp_path: Path) -> None:
    late = np.full((96, 128, 3), (250, 10, 200), np.uint8)
    movie = write_movie(tmp_path / "m.gif", [*patches(130), late, late], 10)
    assert np.abs(decode(movie.path)[-1].astype(int) - late[::2, ::2]).max() <= 45


@pytest.mark.parametrize(("suffix", "most"), [(".mp4", 4), (".gif", 70)])
def test_memory_does_not_grow_with_the_number_of_frames(suffix: str, most: int, tmp_path: Path) -> None:
    alive, peak = 0, 0

    def gone() -> None:
        nonlocal alive
        alive -= 1

    def frames() -> Iterator[np.ndarray]:
        nonlocal alive, peak
        for number in range(400):
            frame = np.full((32, 32, 3), number % 256, np.uint8)
            alive += 1
            peak = max(peak, alive)
            weakref.finalize(frame, gone)
            yield frame
            del frame

    write_movie(tmp_path / f"m{suffix}", frames(), 20)
    assert peak <= most


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_failure_leaves_the_old_movie_and_nothing_else(suffix: str, tmp_path: Path) -> None:
    def failing() -> Iterator[np.ndarray]:
        yield from patches(140)
        raise RuntimeError("of all things")

    path = tmp_path / f"m{suffix}"
    write_movie(path, patches(3), 10)
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="of all things"):
        write_movie(path, failing(), 10)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([], "at least one frame"),
        ([*patches(1), *patches(1, height=64)], "of one size"),
        ([np.zeros((96, 128, 3))], "uint8"),
        ([np.zeros((96, 128), np.uint8)], "height, width, 3"),
    ],
)
def test_what_is_no_movie_is_refused(suffix: str, frames: list[np.ndarray], reason: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=reason):
        write_movie(tmp_path / f"m{suffix}", frames, 10)
    assert list(tmp_path.iterdir()) == []


def test_odd_sizes_endings_and_rates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="even"):
        write_movie(tmp_path / "m.mp4", patches(1, width=127), 10)
    with pytest.raises(ValueError, match=r"\.mp4 or \.gif"):
        write_movie(tmp_path / "m.avi", patches(1), 10)
    with pytest.raises(ValueError, match="above 0"):
        write_movie(tmp_path / "m.mp4", patches(1), 0)

"""Activation movies against the older way, matplotlib's ArtistAnimation with one imshow per map; and their size.

    python benchmarks/movies.py [--frames 40] [--rounds 3]

Both sides start from the same maps and observations in memory and end with a movie file on the disk. Every unit of a
map is a block of the same number of pixels on both sides, and the frames have the same size. The older way wrote GIFs;
its side is measured with Pillow's writer, which matplotlib brings. Ours is measured as MP4 and, with half the width and
every second frame as `analyze --gif` writes it, as GIF. The older way draws the artists of all frames into the same
axes, so that its time per frame grows with the length of the movie; few frames favour it. Time is that of the
processor, all threads, so that other work on the machine does not count.

Size is that of the MP4, by x264's presets of constant quality and by our settings; closeness is the peak
signal-to-noise ratio of the decoded frames against those that were drawn.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

import av
import numpy as np
import xarray
from matplotlib.animation import ArtistAnimation, PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import retinoscope
from retinoscope.analyses.behaviour.activation_movies import activation_movies, movie_blocks
from retinoscope.figures.activation_movies import MovieLayout, activation_frames, movie_layout
from retinoscope.figures.style import colour_map
from retinoscope.page import movie
from retinoscope.result import Result

CHANNELS, ROWS, COLUMNS, VIEW = 16, 28, 38, (60, 80)
RATE = 17.5
PRESETS = {
    "x264 ultrafast, CRF 21": {"preset": "ultrafast", "crf": "21"},
    "x264 veryfast, CRF 21": {"preset": "veryfast", "crf": "21"},
    "ours": movie.X264,
}


def recorded(frames: int, folder: Path) -> tuple[Result, xarray.Dataset]:
    """The maps of the first convolution of a shipped agent during its first decisions, and their scales."""
    agent = retinoscope.load_agent("digits")
    recording = retinoscope.record(agent, frames=frames, out=folder / "recording.zarr")
    result = activation_movies(recording, agent=agent, layers=("conv1",), frames=frames)
    block = xarray.concat(list(movie_blocks(result, agent=agent, recording=recording, layer="conv1")), dim="time")
    return result, block


def ours(result: Result, block: xarray.Dataset, path: Path) -> float:
    began = time.process_time()
    movie.write_movie(path, activation_frames(result, [block], "conv1"), RATE)
    return (time.process_time() - began) / block.sizes["time"]


def older_way(result: Result, block: xarray.Dataset, path: Path, layout: MovieLayout) -> float:
    began = time.process_time()
    dots = 100
    figure = Figure(figsize=(layout.width / dots, layout.height / dots), dpi=dots)
    FigureCanvasAgg(figure)
    view = _axes(figure, layout, layout.view_left, layout.top, VIEW, layout.view_factor)
    maps = []
    for number in range(CHANNELS):
        row, column = divmod(number, layout.columns)
        left, top = layout.maps_left + column * layout.cell_width, layout.top + row * layout.cell_height
        maps.append(_axes(figure, layout, left, top + layout.label, (ROWS, COLUMNS), layout.map_factor))
        maps[-1].set_title(f"{number}", fontsize=8, pad=2)
    scale = result.data["conv1_scale"].values
    artists = []
    for pixels, activity in zip(block["pixels"].values, block["conv1"].values, strict=True):
        shown = [view.imshow(pixels, interpolation="nearest")]
        for axes, one, limit in zip(maps, activity, scale, strict=True):
            image = axes.imshow(one, cmap=colour_map("diverging"), vmin=-limit, vmax=limit, interpolation="nearest")
            shown.append(image)
        artists.append(shown)
    ArtistAnimation(figure, artists).save(path, writer=PillowWriter(fps=round(RATE)), dpi=dots)
    return (time.process_time() - began) / block.sizes["time"]


def _axes(figure: Figure, layout: MovieLayout, left: int, top: int, shape: tuple[int, int], factor: int):
    height, width = shape[0] * factor, shape[1] * factor
    bottom = layout.height - top - height
    axes = figure.add_axes((left / layout.width, bottom / layout.height, width / layout.width, height / layout.height))
    axes.set_axis_off()
    return axes


def size_and_closeness(
    result: Result, block: xarray.Dataset, path: Path, settings: dict[str, str]
) -> tuple[float, float]:
    """KB per frame, and decibels."""
    with mock.patch.dict(movie.X264, settings, clear=True):
        movie.write_movie(path, activation_frames(result, [block], "conv1"), RATE)
    errors = []
    with av.open(str(path)) as container:
        for shown, drawn in zip(container.decode(video=0), activation_frames(result, [block], "conv1"), strict=True):
            decoded = shown.to_ndarray(format="rgb24").astype(np.float32)
            errors.append(float(((decoded - drawn) ** 2).mean()))
    return path.stat().st_size / 1000 / len(errors), 10 * float(np.log10(255**2 / np.mean(errors)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sides: dict[str, list[float]] = {"older way": [], "ours, MP4": [], "ours, GIF": []}
    with tempfile.TemporaryDirectory() as folder:
        result, block = recorded(options.frames, Path(folder))
        layout = movie_layout(result, "conv1", VIEW)
        for _ in range(options.rounds):
            sides["ours, MP4"].append(ours(result, block, Path(folder) / "ours.mp4"))
            sides["ours, GIF"].append(ours(result, block, Path(folder) / "ours.gif"))
            sides["older way"].append(older_way(result, block, Path(folder) / "older.gif", layout))
        sizes = {
            name: size_and_closeness(result, block, Path(folder) / "size.mp4", dict(settings))
            for name, settings in PRESETS.items()
        }
    print(
        f"{CHANNELS} maps of {ROWS} x {COLUMNS}, {layout.map_factor} pixels a unit, "
        f"frames {layout.width} x {layout.height}"
    )
    for name, seconds in sides.items():
        each = ", ".join(f"{1000 * one:.1f}" for one in seconds)
        print(f"{name:10} {1000 * statistics.median(seconds):8.1f} ms per frame   ({each})")
    for name in ("ours, MP4", "ours, GIF"):
        faster = statistics.median(a / b for a, b in zip(sides["older way"], sides[name], strict=True))
        print(f"older way / {name}: {faster:.1f}x (goal: at least 20x)")
    for name, (size, closeness) in sizes.items():
        print(f"{name:24} {size:6.1f} kB per frame, {closeness:.1f} dB")


if __name__ == "__main__":
    main()

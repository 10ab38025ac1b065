"""Pictures of the shipped agent in README and docs, taken from one run of its analyses.

retinoscope analyze digits --frames 50000 --responses behaviour --gif --out looking
python tools/draw_agent_pictures.py looking
"""

from __future__ import annotations

import argparse
from pathlib import Path

import av
from PIL import Image

IMAGES = Path(__file__).parents[1] / "docs" / "images"
FIGURES = {
    "receptive-fields": ("receptive_fields_conv2", 1200),
    "raster": ("raster", 750),
    "embedding-nearest": ("embedding_nearest", 1000),
    "event-triggered-units": ("event_triggered_units", 900),
}
"""Of every picture: the figure, and how many pixels wide it is shown."""

_MOVIE_SECONDS = 12.0  # into the movies: in the middle of things
_GIF_FRAMES, _GIF_EVERY, _GIF_WIDTH, _GIF_COLOURS = 50, 2, 460, 64


def main() -> None:
    """Parse the command line and write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="what `retinoscope analyze` wrote")
    run = parser.parse_args().run
    for name, (figure, width) in FIGURES.items():
        _palette(_smaller(Image.open(run / "figures" / f"{figure}.png"), width)).save(
            IMAGES / f"{name}.png", optimize=True
        )
    (frame,) = _frames(run / "movies" / "activation_movies_conv1.mp4", 1, 1)
    frame.save(IMAGES / "activation-movie-conv1.png", optimize=True)
    _draw_movie(run / "movies" / "simulation.mp4")


def _draw_movie(movie: Path) -> None:
    first, *others = (_smaller(each, _GIF_WIDTH) for each in _frames(movie, _GIF_FRAMES, _GIF_EVERY))
    # One palette for all, so that what stands still is the same in the next frame and takes no room.
    first = first.quantize(_GIF_COLOURS, dither=Image.Dither.NONE)
    others = [each.quantize(palette=first, dither=Image.Dither.NONE) for each in others]
    shown = 2 * 1000 * 4 // 35  # milliseconds: four tics of 1/35 s a decision, every second of them
    first.save(IMAGES / "simulation.gif", save_all=True, append_images=others, duration=shown, loop=0, optimize=True)


def _frames(movie: Path, count: int, every: int) -> list[Image.Image]:
    with av.open(str(movie)) as container:
        stream = container.streams.video[0]
        begin = int(_MOVIE_SECONDS * float(stream.average_rate or 1))
        taken = [begin + every * each for each in range(count)]
        return [each.to_image() for index, each in enumerate(container.decode(stream)) if index in taken]


def _smaller(image: Image.Image, width: int) -> Image.Image:
    image = image.convert("RGB")
    return image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)


def _palette(image: Image.Image) -> Image.Image:
    return image.quantize(256, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()

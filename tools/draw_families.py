"""Draw the shipped scenarios for the documentation: docs/images/scenario-*.png and class-effects.png.

python tools/draw_families.py --mnist mnist.npz --cifar10 cifar10.npz [--only NAME ...]

The files stand in for the downloads from OpenML; see `tests/data/README.md` for their keys.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import retinoscope
from retinoscope.scenarios import Scenario, get_arena, load_scenario, shipped_scenarios
from retinoscope.scenarios.images import scenario_images

IMAGES = Path(__file__).parents[1] / "docs" / "images"
DISTINCT = ("apples", "gabors", "digits", "mnist", "cifar10")
PAIRS = ("apples_with_cifar10", "cifar10_with_apples", "apples_with_mnist", "mnist_with_apples")
HEALS, HURTS, NEUTRAL = "#0072B2", "#D55E00", "#555555"
WIDTH_PIXELS, COLOURS = 760, 96  # small files, and still legible


def main() -> None:
    """Parse the command line and draw everything, or what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mnist", type=Path, required=True)
    parser.add_argument("--cifar10", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[*shipped_scenarios(), "class-effects"])
    arguments = parser.parse_args()
    files = {"mnist_784": arguments.mnist, "CIFAR_10": arguments.cifar10}
    for name in arguments.only:
        if name == "class-effects":
            save(draw_effects({each: from_files(each, files) for each in (*DISTINCT, *PAIRS)}), IMAGES / f"{name}.png")
        else:
            result = retinoscope.analyses.images.scenario_preview(get_arena(from_files(name, files)), seed=1)
            save(retinoscope.figures.scenario_preview(result), IMAGES / f"scenario-{name.replace('_', '-')}.png")


def from_files(name: str, files: dict[str, Path]) -> Scenario:
    """The scenario under its own name, with files in place of downloads."""
    content = load_scenario(name).model_dump(mode="json")
    images = content["stimuli"]["images"]
    if images["source"] == "openml":
        path = str(files[images["name"]].resolve())
        content["stimuli"]["images"] = {"source": "npz", "path": path, "split": images["split"]}
    return Scenario.model_validate(content)


def draw_effects(scenarios: dict[str, Scenario]) -> Figure:
    """A row per scenario: an image of each class, its name, and what picking one up does to health."""
    columns, tile, label = 12, 0.56, 0.3
    row = tile + label + 0.1
    figure = Figure(figsize=(1.6 + columns * tile, 0.1 + len(scenarios) * row))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1.6 + columns * tile), ylim=(0.1 + len(scenarios) * row, 0))
    axes.set_axis_off()
    for index, (name, scenario) in enumerate(scenarios.items()):
        top = 0.06 + index * row
        axes.text(0.08, top + tile / 2, name, fontsize=8, weight="bold", va="center")
        images = scenario_images(scenario)
        for column, each in enumerate(scenario.stimuli.classes):
            left = 1.55 + column * tile
            sides = (left + 0.03, left + tile - 0.03, top + tile - 0.03, top + 0.03)
            axes.imshow(images[each.name][0], extent=sides, interpolation="nearest", aspect="auto")
            effect = "no effect" if each.distractor else f"{each.health:+d}".replace("-", "−")
            colour = NEUTRAL if each.distractor else HEALS if each.health > 0 else HURTS
            style = {"fontsize": 6, "ha": "center", "va": "top"}
            axes.text(left + tile / 2, top + tile - 0.01, each.name, **style)
            axes.text(left + tile / 2, top + tile + 0.12, effect, color=colour, weight="bold", **style)
    axes.set(xlim=(0, 1.6 + columns * tile), ylim=(0.1 + len(scenarios) * row, 0))
    return figure


def save(figure: Figure, path: Path) -> None:
    """As a small PNG: reduced in size and to a palette of its own."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200, facecolor="white")
    image = Image.open(buffer).convert("RGB")
    height = round(image.height * WIDTH_PIXELS / image.width)
    image = image.resize((WIDTH_PIXELS, height), Image.Resampling.LANCZOS)
    reduced = image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    reduced.save(path, optimize=True)
    print(path, np.round(path.stat().st_size / 1000), "kB", flush=True)


if __name__ == "__main__":
    main()

"""Planted results of the analyses of behaviour, and what is wrong with a drawn figure's text."""

from __future__ import annotations

import json

import matplotlib
import numpy as np
import xarray
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from retinoscope.result import Result

WORDS = json.dumps(["healing", "harmful", "pick-up", "pick-ups"])
HEALTH = [
    {
        "name": "health",
        "stored": "health",
        "title": "health",
        "units": "points",
        "kind": "quantity",
        "low": 0,
        "high": 200,
    }
]
SAID = {"event_words": WORDS, "variables": json.dumps(HEALTH), "clock_units": "s", "seconds_per_decision": 0.1}
EFFECTS = {"poison": -20, "stone": 0, "fruit": 25}


def faults_of(figure: Figure) -> list[str]:
    """Texts that lie over each other, leave the page, or are smaller than 6 points."""
    figure.set_canvas(FigureCanvasAgg(figure))
    figure.draw_without_rendering()
    texts = _shown(figure)
    boxes = [text.get_window_extent() for text in texts]
    page, found = figure.bbox, []
    for text, box in zip(texts, boxes, strict=True):
        if box.x0 < -0.5 or box.x1 > page.x1 + 0.5 or box.y0 < -0.5 or box.y1 > page.y1 + 0.5:
            found.append(f"leaves the page: {text.get_text()!r}")
        if text.get_fontsize() < 6:
            found.append(f"too small: {text.get_text()!r}")
    # Letters touch their own box by less than this.
    x0, y0, x1, y1 = np.array([box.shrunk(0.96, 0.85).extents for box in boxes]).T[:, :, None]
    is_over = (x0 <= x1.T) & (x1 >= x0.T) & (y0 <= y1.T) & (y1 >= y0.T)
    for one, other in np.argwhere(np.triu(is_over, 1)):
        found.append(f"overlap: {texts[one].get_text()!r}, {texts[other].get_text()!r}")
    return found


def words_of(figure: Figure) -> str:
    """All texts of a figure, one after the other."""
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def _shown(figure: Figure) -> list[matplotlib.text.Text]:
    """Texts that are drawn; tick labels beyond the limits of their axis exist and are not."""
    hidden: set[int] = set()
    for axes in figure.axes:
        inside = axes.get_window_extent()
        for axis, low, high in ((axes.xaxis, inside.x0, inside.x1), (axes.yaxis, inside.y0, inside.y1)):
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                box = tick.label1.get_window_extent()
                middle = (box.x0 + box.x1) / 2 if axis is axes.xaxis else (box.y0 + box.y1) / 2
                if not (axes.axison and low - 3 <= middle <= high + 3):
                    hidden |= {id(tick.label1), id(tick.label2)}
    found = figure.findobj(matplotlib.text.Text)
    return [text for text in found if text.get_visible() and text.get_text().strip() and id(text) not in hidden]


def event_lines(panel) -> list[tuple[float, str]]:
    """When each line through a panel is, in the order in which they are drawn, and how its dashes are."""
    found = []
    for collection in panel.collections:
        ((_, dashes),) = collection.get_linestyle()
        line = "-" if not dashes else "--" if dashes[0] > dashes[1] else ":"
        found += [(round(float(segment[0, 0]), 3), line) for segment in collection.get_segments()]
    return found


def events(moments: int) -> dict[str, tuple]:
    counts = np.zeros((moments, 3), np.uint8)
    counts[[5, 30], 2] = 1
    counts[20, 1] = 1
    counts[[12, 31, 40], 0] = 1
    return {"events": (("time", "event"), counts)}


def time_coordinates(moments: int) -> dict[str, object]:
    return {
        "seconds": ("time", 3 + np.arange(moments) * 0.1),
        "event": list(EFFECTS),
        "event_valence": ("event", [float(each) for each in EFFECTS.values()]),
    }


def components_result(layers: tuple[str, ...] = ("pixels", "conv1", "conv2", "conv3", "fc", "rnn")) -> Result:
    random = np.random.default_rng(0)
    share = np.sort(random.dirichlet(np.ones(30), len(layers)))[:, ::-1]
    ratio = np.linspace(70, 8, len(layers))
    data = xarray.Dataset(
        {
            "variance_share": (("layer", "component"), share),
            "variance_share_chance": (("layer", "component"), np.full_like(share, 0.01)),
            **{
                f"participation_ratio{name}": ("layer", ratio * factor)
                for name, factor in (("", 1), ("_low", 0.9), ("_high", 1.1), ("_chance", 40))
            },
            "units": ("layer", np.full(len(layers), 14_400)),
            "decisions": ("layer", np.full(len(layers), 5000)),
            "is_exact": ("layer", [name not in ("pixels", "conv1") for name in layers]),
            "map_count": (("mapped_layer", "second_bin", "first_bin"), random.integers(0, 3, (2, 20, 20))),
            "map_value": (("mapped_layer", "second_bin", "first_bin"), random.normal(5, 2, (2, 20, 20))),
            "map_first": (("mapped_layer", "edge"), np.tile(np.linspace(-9, 30, 21), (2, 1))),
            "map_second": (("mapped_layer", "edge"), np.tile(np.linspace(-5, 9, 21), (2, 1))),
            "score": (("scored_layer", "time"), np.cumsum(random.normal(size=(3, 60)), axis=1)),
            "value": ("time", random.normal(5, 1, 60)),
            "health": ("time", np.linspace(100, 80, 60)),
            **events(60),
        },
        coords={
            "layer": list(layers),
            "component": np.arange(1, 31),
            "mapped_layer": ["fc", "rnn"],
            "scored_layer": ["fc", "rnn", "pixels"],
            **time_coordinates(60),
        },
        attrs={
            "caption_scree": "scree",
            "caption_map": "map",
            "caption_time": "time",
            "sign": "value",
            "map_of": "value",
        }
        | SAID,
    )
    return Result("principal_components", data, {}, {"agent": "planted"})


def embedding_result(points: int = 300, layers: tuple[str, ...] = ("fc", "rnn")) -> Result:
    random = np.random.default_rng(0)
    names = ["nothing", "forward", "backward", "left", "left, forward", "left, backward", "right", "right, forward"]
    data = xarray.Dataset(
        {
            "embedding": (("layer", "point", "axis"), random.normal(size=(len(layers), points, 2)) * 20),
            "value": ("point", random.normal(5, 1, points)),
            "health": ("point", random.integers(1, 200, points)),
            "action": ("point", random.integers(0, 9, points)),
            "nearest": ("point", random.integers(0, 4, points)),
            "seconds": ("point", random.uniform(0, 60, points)),
            "episode": ("point", random.integers(0, 12, points)),
            "kept": ("layer", np.full(len(layers), 0.324)),
            "time_share": ("layer", np.full(len(layers), 0.041)),
        },
        coords={
            "layer": list(layers),
            "action_name": [*names, "right, backward"],
            "nearest_name": [*EFFECTS, "nothing"],
            "nearest_valence": ("nearest_name", [*map(float, EFFECTS.values()), 0.0]),
        },
        attrs={"caption": "how", "evidence": "how far"} | SAID,
    )
    return Result("embedding", data, {}, {"agent": "planted"})


def raster_result() -> Result:
    random = np.random.default_rng(0)
    units = {"conv1": 16, "conv2": 8, "conv3": 16, "fc": 128, "rnn": 64}
    data = xarray.Dataset(
        {
            **{name: ((f"{name}_unit", "time"), random.normal(size=(count, 60)) * 2) for name, count in units.items()},
            "is_map": ("layer", [name.startswith("conv") for name in units]),
            "value": ("time", random.normal(5, 1, 60)),
            "health": ("time", np.linspace(100, 80, 60)),
            **events(60),
        },
        coords={"layer": list(units), **time_coordinates(60)},
        attrs={"caption": "how"} | SAID,
    )
    return Result("raster", data, {}, {"agent": "planted"})

"""Scenario preview: a contact sheet of the classes with their effects, the map, and three moments of a walk."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from retinoscope.errors import UserError
from retinoscope.result import Result

HEALS, HURTS, NEUTRAL = "#0072B2", "#D55E00", "#555555"  # of Okabe and Ito's palette for all kinds of colour vision
OBSTACLE = "#A08C70"
# All lengths are inches on paper.
WIDTH = 7.5
_MARGIN, _TITLE, _HEADING, _LINE = 0.12, 0.4, 0.3, 0.135
_SHEET, _MAP = 3.95, 2.75
_LOWEST_ROW, _TWO_LINES, _HIGHEST_ROW = 0.26, 0.7, 0.95
_SMALL, _NORMAL = 7.0, 8.0
_CHARACTERS_PER_LINE = 122


def scenario_preview(result: Result) -> Figure:
    """Draw everything on one page.

    Signs are told apart without colour: bars of what hurts go to the left and their numbers carry a minus; on the map
    squares hurt and circles heal.

    Args:
        result: from `analyses.scenario_preview`.

    Raises:
        UserError: the result is of another analysis.
    """
    if result.analysis != "scenario_preview":
        raise UserError(f"scenario_preview: cannot draw a result of {result.analysis!r}; give one of scenario_preview")
    classes = result.data.sizes["class"]
    row = float(np.clip((_MAP + 0.45) / classes, _LOWEST_ROW, _HIGHEST_ROW))
    upper = max(_HEADING + row * classes + 0.35, _HEADING + _MAP + 0.85)
    view_width = (WIDTH - 4 * _MARGIN) / 3
    eye, small = result.data["eye_view"].shape, result.data["observation"].shape
    eye_height, small_height = view_width * eye[1] / eye[2], view_width * small[1] / small[2]
    caption = textwrap.wrap(_caption(result), _CHARACTERS_PER_LINE, break_on_hyphens=False)
    lower = _HEADING + 0.32 + eye_height + 0.06 + small_height + 0.12
    height = _TITLE + upper + lower + _LINE * len(caption) + 0.12
    title = f"{result.provenance['scenario']}: {result.parameters['title']}"
    page = _Page(Figure(figsize=(WIDTH, height)), height)
    page.text(_MARGIN, 0.12, _short(title, 74), 11, weight="bold")
    _draw_sheet(page, result, _TITLE, row)
    _draw_map(page, result, _TITLE)
    _draw_views(page, result, _TITLE + upper, view_width, eye_height, small_height)
    page.text(_MARGIN, height - _LINE * len(caption) - 0.08, "\n".join(caption), _NORMAL, linespacing=1.2)
    return page.figure


class _Page:
    """A figure whose places are inches from its upper left corner."""

    def __init__(self, figure: Figure, height: float) -> None:
        self.figure, self._height = figure, height

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        bottom = self._height - top - height
        return self.figure.add_axes((left / WIDTH, bottom / self._height, width / WIDTH, height / self._height))

    def text(self, left: float, top: float, text: str, size: float, **style: Any) -> None:
        self.figure.text(left / WIDTH, 1 - top / self._height, text, va="top", fontsize=size, **style)


def _draw_sheet(page: _Page, result: Result, top: float, row: float) -> None:
    """A row per class, from the most harmful to the most healing: name, examples, and a bar of the effect."""
    data = result.data
    order = np.argsort(data["effect"].values, kind="stable")
    examples = data["example"].values[order]
    names = [_short(name, 13) for name in data["class"].values[order]]
    names_width = 0.2 + 0.075 * max(map(len, names))
    bars_width = 1.35
    lines = 2 if row >= _TWO_LINES else 1  # with few classes, two lines of larger examples
    shown = -(-examples.shape[1] // lines)
    tile = min((row - 0.06) / lines, (_SHEET - names_width - bars_width - 0.1) / shown)
    page.text(_MARGIN, top, "Classes and their effect on health", _NORMAL, weight="bold")
    sheet = page.axes(_MARGIN, top + _HEADING, names_width + shown * tile, row * len(names))
    sheet.set(xlim=(0, names_width + shown * tile), ylim=(row * len(names), 0))
    sheet.set_axis_off()
    for index, each in enumerate(examples):
        middle = (index + 0.5) * row
        sheet.text(0, middle, names[index], fontsize=_NORMAL, va="center", weight="bold")
        for place, picture in enumerate(each):
            line, column = divmod(place, shown)
            left, upper = names_width + column * tile, middle + (line - lines / 2) * tile
            sides = (left + 0.01, left + tile - 0.01, upper + tile - 0.01, upper + 0.01)
            if picture[..., 3].any():
                sheet.add_patch(Rectangle((left + 0.01, sides[3]), tile - 0.02, tile - 0.02, color="#E8E8E8", lw=0))
                sheet.imshow(picture, extent=sides, aspect="auto", interpolation="nearest", zorder=2)
    sheet.set(xlim=(0, names_width + shown * tile), ylim=(row * len(names), 0))
    left = _MARGIN + names_width + shown * tile + 0.12
    bars = page.axes(left, top + _HEADING, bars_width, row * len(names))
    _draw_effects(bars, data["effect"].values[order], data["distractor"].values[order], row)


def _draw_effects(axes: Axes, effects: np.ndarray, distractors: np.ndarray, row: float) -> None:
    places, reach = np.arange(len(effects)), max(1.0, float(np.abs(effects).max()))
    axes.barh(places, effects, height=min(0.7, 0.22 / row), color=[_colour(effect) for effect in effects], zorder=2)
    axes.axvline(0, color="black", lw=0.8, zorder=3)
    for place, effect, is_distractor in zip(places, effects, distractors, strict=True):
        outward = -1 if effect < 0 else 1
        axes.annotate(
            "distractor" if is_distractor else _signed(effect),
            (effect, place),
            (3 * outward, 0),
            textcoords="offset points",
            ha="right" if effect < 0 else "left",
            va="center",
            fontsize=_SMALL,
        )
    axes.set(xlim=(-1.55 * reach, 1.55 * reach), ylim=(len(effects) - 0.5, -0.5), yticks=[])
    axes.set_xticks([-reach, 0, reach], [_signed(-reach), "0", _signed(reach)], fontsize=_SMALL)
    axes.tick_params(length=2, pad=2)
    axes.set_xlabel("health points per pick-up", fontsize=_SMALL, labelpad=2)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.text(-0.1 * reach, -0.62, "hurts", ha="right", va="bottom", fontsize=_SMALL, color=HURTS)
    axes.text(0.1 * reach, -0.62, "heals", ha="left", va="bottom", fontsize=_SMALL, color=HEALS)


def _draw_map(page: _Page, result: Result, top: float) -> None:
    """Walls, where stimuli appear, the agent's start and walk, every stimulus at the start, and the three moments."""
    data, room = result.data, result.parameters
    left = WIDTH - _MARGIN - _MAP
    page.text(left, top, "Map at the start of an episode, and a walk", _NORMAL, weight="bold")
    axes = page.axes(left, top + _HEADING, _MAP, _MAP)
    half, reach = room["half_width"], room["spawn_half_width"]
    axes.set(xlim=(-1.02 * half, 1.02 * half), ylim=(-1.02 * half, 1.02 * half), aspect="equal")
    axes.add_patch(Rectangle((-half, -half), 2 * half, 2 * half, fill=False, lw=2.5, color="black"))
    spawn = Rectangle((-reach, -reach), 2 * reach, 2 * reach, fill=False, lw=0.8, ls="--", color="#888888")
    axes.add_patch(spawn)
    clearance = Circle((0, 0), room["clearance"], fill=False, lw=0.8, ls=":", color="#888888")
    axes.add_patch(clearance)
    _draw_obstacles(axes, result)
    (walk,) = axes.plot(*data["path"].values.T, color="black", lw=0.9, zorder=2)
    names, effects = data["class"].values, data["effect"].values
    for index, (x, y) in zip(data["stimulus_class"].values, data["stimulus_position"].values, strict=True):
        _draw_stimulus(axes, x, y, str(names[index]), float(effects[index]))
    axes.plot(0, 0, marker=">", mfc="white", mec="black", ms=11, ls="", zorder=4)
    for number, (place, angle) in enumerate(zip(data["position"].values, data["angle"].values, strict=True), 1):
        _draw_moment(axes, number, place, float(angle), half)
    axes.set_xlabel("x (map units)", fontsize=_SMALL, labelpad=1)
    axes.set_ylabel("y (map units)", fontsize=_SMALL, labelpad=-4)
    axes.set_xticks([-half, 0, half])
    axes.set_yticks([-half, 0, half])
    axes.tick_params(labelsize=_SMALL, length=2, pad=2)
    axes.spines[:].set_visible(False)
    handles = {
        "heals": axes.plot([], [], "o", ms=6, mfc="white", mec=HEALS, ls="")[0],
        "hurts": axes.plot([], [], "s", ms=6, mfc="white", mec=HURTS, ls="")[0],
        "does neither": axes.plot([], [], "D", ms=4.5, mfc="white", mec=NEUTRAL, ls="")[0],
        "start of the agent": axes.plot([], [], ">", ms=6, mfc="white", mec="black", ls="")[0],
        "its walk": walk,
        "stimuli appear inside": spawn,
        "none this near": clearance,
    }
    if (effects != 0).all():
        del handles["does neither"]
    if room["obstacles"]:
        handles["obstacle"] = axes.plot([], [], "s", ms=4, mfc=OBSTACLE, mec=OBSTACLE, ls="")[0]
    page.figure.legend(
        list(handles.values()),
        list(handles),
        loc="upper right",
        bbox_to_anchor=(1 - 0.05 / WIDTH, axes.get_position().y0 - 0.33 / page.figure.get_figheight()),
        ncols=3,
        fontsize=_SMALL,
        frameon=False,
        handlelength=1.4,
        columnspacing=0.7,
        handletextpad=0.4,
        borderaxespad=0,
    )


def _draw_stimulus(axes: Axes, x: float, y: float, name: str, effect: float) -> None:
    marker = "o" if effect > 0 else "s" if effect < 0 else "D"
    short = len(name) <= 2
    face = "white" if short else _colour(effect)
    axes.plot(x, y, marker, ms=7.5 if short else 5, mfc=face, mec=_colour(effect), mew=0.9, ls="", zorder=3)
    if short:
        axes.text(x, y, name, fontsize=5.5, ha="center", va="center_baseline", color="black", zorder=4)


def _draw_obstacles(axes: Axes, result: Result) -> None:
    """Obstacles as large as they are."""
    if result.parameters["obstacles"] is None:
        return
    radius = result.parameters["obstacles"]["radius"]
    squares = [
        Rectangle((x - radius, y - radius), 2 * radius, 2 * radius) for x, y in result.data["obstacle_position"].values
    ]
    axes.add_collection(PatchCollection(squares, facecolor=OBSTACLE, edgecolor="none", zorder=1.5))


def _draw_moment(axes: Axes, number: int, place: np.ndarray, angle: float, half: float) -> None:
    """The number of a moment in a disc, and the borders of what is seen from there, 90 degrees wide."""
    for edge in np.deg2rad([angle - 45, angle + 45]):
        tip = place + 0.16 * half * np.array([np.cos(edge), np.sin(edge)])
        axes.plot([place[0], tip[0]], [place[1], tip[1]], color="black", lw=0.7, zorder=5)
    axes.plot(*place, "o", ms=8, mfc="black", mec="white", mew=0.6, zorder=6)
    axes.text(
        place[0],
        place[1],
        str(number),
        fontsize=6,
        ha="center",
        va="center_baseline",
        color="white",
        weight="bold",
        zorder=7,
    )


def _draw_views(page: _Page, result: Result, top: float, width: float, eye_height: float, small_height: float) -> None:
    """Three columns: the moment in words, what an eye would see, what the policy sees."""
    data = result.data
    rows, columns = data["observation"].shape[1:3]
    page.text(
        _MARGIN,
        top,
        f"Three moments of the walk: for the eye (above) and as the agent sees them, {columns} × {rows} pixels (below)",
        _NORMAL,
        weight="bold",
    )
    names, effects = data["class"].values, data["effect"].values
    for index in range(data.sizes["moment"]):
        moment = data.isel(moment=index)
        left = _MARGIN + index * (width + _MARGIN)
        ahead = int(moment["ahead_class"])
        words = (
            f"{index + 1}  after {float(moment['seconds']):.1f} s, health {float(moment['health']):.0f}\n"
            f"{_short(names[ahead], 18)} ({_signed(effects[ahead])}) at {float(moment['distance']):.0f} map units"
        )
        page.text(left, top + _HEADING - 0.06, words, _SMALL, linespacing=1.25)
        upper = page.axes(left, top + _HEADING + 0.28, width, eye_height)
        upper.imshow(moment["eye_view"].values, extent=(0, 1, 1, 0), aspect="auto", interpolation="antialiased")
        box_left, box_top, box_width, box_height = moment["box"].values
        upper.add_patch(Rectangle((box_left, box_top), box_width, box_height, fill=False, color="white", lw=1.2))
        lower = page.axes(left, top + _HEADING + 0.28 + eye_height + 0.06, width, small_height)
        lower.imshow(moment["observation"].values, extent=(0, 1, 1, 0), aspect="auto", interpolation="nearest")
        for axes in (upper, lower):
            axes.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(1, 0))


def _caption(result: Result) -> str:
    data, parameters = result.data, result.parameters
    counts, health = data["images"].values, parameters["health"]
    many = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    comes_back = {
        "replace": "what is picked up comes back elsewhere",
        "stream": "one of a random class is added at a steady rate",
    }[parameters["come_back"]["mode"]]
    hunger = (
        f"hunger takes {health['hunger']} every {health['hunger_tics'] / 35:.2g} s" if health["hunger"] else "no hunger"
    )
    distractors = " Distractors can be picked up and do nothing." if data["distractor"].any() else ""
    obstacles = ""
    if parameters["obstacles"]:
        obstacles = f" {data.sizes['obstacle']} solid obstacles stand elsewhere in every episode."
    return (
        f"Classes: {len(counts)}, with {many} images each, {counts.sum():,} in all; examples drawn at random. Health "
        f"starts at {health['start']} and is at most {health['maximum']}; {hunger}.{distractors}{obstacles} An "
        f"episode lasts at most {parameters['seconds_per_episode']:.0f} s. Map: all {data.sizes['stimulus']} stimuli "
        f"at the start of the episode with seed {parameters['seed']}; {comes_back}. A stimulus is "
        f"{parameters['stimulus_size']:.0f} map units tall. The walk leads to a distant stimulus with little before "
        "it, whether it heals or hurts; it is the one in the white frame."
    )


def _colour(effect: float) -> str:
    return HEALS if effect > 0 else HURTS if effect < 0 else NEUTRAL


def _short(text: object, characters: int) -> str:
    """The text, or its beginning and its end with an ellipsis between."""
    whole, end = str(text), characters // 3
    return whole if len(whole) <= characters else f"{whole[: characters - end - 1]}…{whole[-end:]}"


def _signed(effect: float) -> str:
    return f"{effect:+.0f}".replace("-", "−") if effect else "0"

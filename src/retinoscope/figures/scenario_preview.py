"""Scenario preview: a contact sheet of the classes with their effects, the map, and three moments of a walk."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from retinoscope.figures.page import MARGIN, Page, Size, line_height, points, shortened, text_width
from retinoscope.figures.style import colour, require, shade, styled
from retinoscope.result import Result

__all__ = ["scenario_preview"]

# All lengths are inches on paper.
_HEADING, _SHEET, _MAP = 0.3, 3.95, 2.75
_LOWEST_ROW, _TWO_LINES, _HIGHEST_ROW = 0.26, 0.7, 0.95
_BAR = 1.35


@styled
def scenario_preview(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw everything on one page.

    Signs are told apart without colour: bars of what harms go to the left and their numbers carry a minus; on the map
    squares harm and circles heal.

    Args:
        result: from `analyses.scenario_preview`.
        figsize: inches; None for what classes and views need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "scenario_preview")
    # Results of earlier versions hold the name of the scenario where later ones hold all of it.
    name = result.parameters.get("scenario", result.provenance.get("scenario"))
    title = f"{name}: {result.parameters['title']}"
    page = Page(title, _caption(result) if caption else None, figsize)
    classes = result.data.sizes["class"]
    legend = 4.5 * line_height(points("legend.fontsize"))
    eye, small = result.data["eye_view"].shape, result.data["observation"].shape
    shape = eye[1] / eye[2] + small[1] / small[2]
    width = (page.width - 4 * MARGIN) / 3
    row = float(np.clip((_MAP + 0.45) / classes, _LOWEST_ROW, _HIGHEST_ROW))

    def upper(row: float, plan: float) -> float:
        return max(_HEADING + row * classes + 0.35, _HEADING + plan + 0.4 + legend)

    lines = 2.6 * line_height(points("xtick.labelsize"))
    beside = _HEADING + lines + 0.06 + 0.12
    # In a page of given height everything shrinks alike.
    share = min(1.0, (page.room - beside - _HEADING - 0.4 - legend) / (upper(row, _MAP) - _HEADING + width * shape))
    share = max(share, 0.1)
    row, plan, width = row * share, _MAP * share, width * share
    page.begin(upper(row, plan) + beside + width * shape)
    _draw_sheet(page, result, row)
    _draw_map(page, result, plan)
    _draw_views(page, result, upper(row, plan), width, lines)
    return page.figure


def _draw_sheet(page: Page, result: Result, row: float) -> None:
    """A row per class, from the most harmful to the most healing: name, examples, and a bar of the effect."""
    data = result.data
    order = np.argsort(data["effect"].values, kind="stable")
    examples = data["example"].values[order]
    size = points("font.size")
    names = [shortened(name, 1.0, size) for name in data["class"].values[order]]
    names_width = 0.15 + 1.1 * max(text_width(name, size) for name in names)  # they are bold
    lines = 2 if row >= _TWO_LINES else 1  # with few classes, two lines of larger examples
    shown = -(-examples.shape[1] // lines)
    tile = min((row - 0.06) / lines, (_SHEET - names_width - _BAR - 0.1) / shown)
    page.heading(MARGIN, 0, "Classes and their effect on health")
    sheet = page.axes(MARGIN, _HEADING, names_width + shown * tile, row * len(names))
    sheet.set_axis_off()
    papers = []
    for index, each in enumerate(examples):
        middle = (index + 0.5) * row
        sheet.text(0, middle, names[index], va="center", weight="bold")
        for place, picture in enumerate(each):
            line, column = divmod(place, shown)
            left, upper = names_width + column * tile, middle + (line - lines / 2) * tile
            sides = (left + 0.01, left + tile - 0.01, upper + tile - 0.01, upper + 0.01)
            if picture[..., 3].any():
                papers.append(Rectangle((left + 0.01, sides[3]), tile - 0.02, tile - 0.02))
                sheet.imshow(picture, extent=sides, aspect="auto", interpolation="nearest", zorder=2)
    sheet.add_collection(PatchCollection(papers, facecolor=shade(0.09), edgecolor="none"))
    sheet.set(xlim=(0, names_width + shown * tile), ylim=(row * len(names), 0))
    left = MARGIN + names_width + shown * tile + 0.12
    bars = page.axes(left, _HEADING, _BAR, row * len(names))
    _draw_effects(bars, data["effect"].values[order], data["distractor"].values[order], row)


def _draw_effects(axes: Axes, effects: np.ndarray, distractors: np.ndarray, row: float) -> None:
    places, reach = np.arange(len(effects)), max(1.0, float(np.abs(effects).max()))
    axes.barh(places, effects, height=min(0.7, 0.22 / row), color=[_colour(effect) for effect in effects], zorder=2)
    axes.axvline(0, color=shade(1), lw=0.8, zorder=3)
    for place, effect, is_distractor in zip(places, effects, distractors, strict=True):
        outward = -1 if effect < 0 else 1
        axes.annotate(
            "distractor" if is_distractor else _signed(effect),
            (effect, place),
            (3 * outward, 0),
            textcoords="offset points",
            ha="right" if effect < 0 else "left",
            va="center",
            fontsize="small",
        )
    axes.set(xlim=(-1.55 * reach, 1.55 * reach), ylim=(len(effects) - 0.5, -0.5), yticks=[])
    axes.set_xticks([-reach, 0, reach], [_signed(-reach), "0", _signed(reach)], fontsize="small")
    axes.tick_params(length=2, pad=2)
    axes.set_xlabel("health points per pick-up", fontsize="small", labelpad=2)
    axes.spines["left"].set_visible(False)
    for word, kind, side, align in (("harms", "negative", -0.1, "right"), ("heals", "positive", 0.1, "left")):
        where: Any = (side * reach, 1.0)
        style: dict[str, Any] = {"ha": align, "va": "bottom", "fontsize": "small", "color": colour(kind)}
        axes.annotate(word, where, (0, 2), ("data", "axes fraction"), "offset points", **style)


def _draw_map(page: Page, result: Result, side: float) -> None:
    """Walls, where stimuli appear, the agent's start and walk, every stimulus at the start, and the three moments."""
    data, room = result.data, result.parameters
    left = page.width - MARGIN - side
    page.heading(page.width - MARGIN - max(side, 2.0), 0, "Map at the start, and a walk")
    axes = page.axes(left, _HEADING, side, side)
    half, reach = room["half_width"], room["spawn_half_width"]
    axes.set(xlim=(-1.02 * half, 1.02 * half), ylim=(-1.02 * half, 1.02 * half), aspect="equal")
    axes.add_patch(Rectangle((-half, -half), 2 * half, 2 * half, fill=False, lw=2.5, color=shade(1)))
    spawn = Rectangle((-reach, -reach), 2 * reach, 2 * reach, fill=False, lw=0.8, ls="--", color=shade(0.47))
    axes.add_patch(spawn)
    clearance = Circle((0, 0), room["clearance"], fill=False, lw=0.8, ls=":", color=shade(0.47))
    axes.add_patch(clearance)
    _draw_obstacles(axes, result)
    (walk,) = axes.plot(*data["path"].values.T, color=shade(1), lw=0.9, zorder=2)
    names, effects = data["class"].values, data["effect"].values
    of_class = data["stimulus_class"].values
    for index in np.unique(of_class):
        places = data["stimulus_position"].values[of_class == index]
        _draw_stimuli(axes, places, str(names[index]), float(effects[index]))
    axes.plot(0, 0, marker=">", mfc=shade(0), mec=shade(1), ms=11, ls="", zorder=4)
    for number, (place, angle) in enumerate(zip(data["position"].values, data["angle"].values, strict=True), 1):
        _draw_moment(axes, number, place, float(angle), half)
    axes.set_xlabel("x (map units)", fontsize="small", labelpad=1)
    axes.set_ylabel("y (map units)", fontsize="small", labelpad=-4)
    axes.set_xticks([-half, 0, half])
    axes.set_yticks([-half, 0, half])
    axes.spines[:].set_visible(False)
    handles = {
        "heals": axes.plot([], [], "o", ms=6, mfc=shade(0), mec=colour("positive"), ls="")[0],
        "harms": axes.plot([], [], "s", ms=6, mfc=shade(0), mec=colour("negative"), ls="")[0],
        "does neither": axes.plot([], [], "D", ms=4.5, mfc=shade(0), mec=colour("neutral"), ls="")[0],
        "start of the agent": axes.plot([], [], ">", ms=6, mfc=shade(0), mec=shade(1), ls="")[0],
        "its walk": walk,
        "stimuli appear inside": spawn,
        "none this near": clearance,
    }
    if (effects != 0).all():
        del handles["does neither"]
    if room["obstacles"]:
        handles["obstacle"] = axes.plot([], [], "s", ms=4, mfc=colour("obstacle"), mec=colour("obstacle"), ls="")[0]
    page.figure.legend(
        list(handles.values()),
        list(handles),
        loc="upper right",
        bbox_to_anchor=(1 - 0.05 / page.width, axes.get_position().y0 - 0.36 / page.figure.get_figheight()),
        ncols=3,
        fontsize="small",
        handlelength=1.4,
        columnspacing=0.7,
        handletextpad=0.4,
        borderaxespad=0,
    )


def _draw_stimuli(axes: Axes, places: np.ndarray, name: str, effect: float) -> None:
    """All stimuli of a class: the shape of the sign of its effect, and its name inside where that is short."""
    marker = "o" if effect > 0 else "s" if effect < 0 else "D"
    has_name = len(name) <= 2 and name.isalnum()
    style: dict[str, Any] = {
        "ms": 7.5 if has_name else 5,
        "mfc": shade(0) if has_name else _colour(effect),
        "mec": _colour(effect),
    }
    axes.plot(*places.T, marker, mew=0.9, ls="", zorder=3, **style)
    if has_name:
        axes.plot(
            *places.T, marker=f"$\\mathrm{{{name}}}$", ms=3.8 * len(name), mew=0.1, color=shade(1), ls="", zorder=4
        )


def _draw_obstacles(axes: Axes, result: Result) -> None:
    """Obstacles as large as they are."""
    if result.parameters["obstacles"] is None:
        return
    radius = result.parameters["obstacles"]["radius"]
    squares = [
        Rectangle((x - radius, y - radius), 2 * radius, 2 * radius) for x, y in result.data["obstacle_position"].values
    ]
    axes.add_collection(PatchCollection(squares, facecolor=colour("obstacle"), edgecolor="none", zorder=1.5))


def _draw_moment(axes: Axes, number: int, place: np.ndarray, angle: float, half: float) -> None:
    """The number of a moment in a disc, and the borders of what is seen from there, 90 degrees wide."""
    for edge in np.deg2rad([angle - 45, angle + 45]):
        tip = place + 0.16 * half * np.array([np.cos(edge), np.sin(edge)])
        axes.plot([place[0], tip[0]], [place[1], tip[1]], color=shade(1), lw=0.7, zorder=5)
    axes.plot(*place, "o", ms=9, mfc=shade(1), mec=shade(0), mew=0.6, zorder=6)
    style: dict[str, Any] = {"ha": "center", "va": "center_baseline", "color": shade(0), "weight": "bold", "zorder": 7}
    axes.text(place[0], place[1], str(number), fontsize="small", **style)


def _draw_views(page: Page, result: Result, top: float, width: float, lines: float) -> None:
    """Three columns: the moment in words, what an eye would see, what the policy sees."""
    data = result.data
    rows, columns = data["observation"].shape[1:3]
    says = (
        f"Three moments of the walk: for the eye (above) and as the agent sees them, {columns} × {rows} pixels (below)"
    )
    page.heading(MARGIN, top, says)
    names, effects = data["class"].values, data["effect"].values
    heights = [width * data[name].shape[1] / data[name].shape[2] for name in ("eye_view", "observation")]
    for index in range(data.sizes["moment"]):
        moment = data.isel(moment=index)
        left = MARGIN + index * ((page.width - MARGIN) / 3)
        ahead = int(moment["ahead_class"])
        words = (
            f"{index + 1}  after {float(moment['seconds']):.1f} s, health {float(moment['health']):.0f}\n"
            f"{_short(names[ahead], 18)} ({_signed(effects[ahead])}) at {float(moment['distance']):.0f} map units"
        )
        page.text(left, top + _HEADING - 0.06, words, fontsize="small")
        below = top + _HEADING + lines
        upper = page.axes(left, below, width, heights[0])
        upper.imshow(moment["eye_view"].values, extent=(0, 1, 1, 0), aspect="auto", interpolation="antialiased")
        box_left, box_top, box_width, box_height = moment["box"].values
        upper.add_patch(Rectangle((box_left, box_top), box_width, box_height, fill=False, color="white", lw=1.2))
        lower = page.axes(left, below + heights[0] + 0.06, width, heights[1])
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
        "it, whether it heals or harms; it is the one in the white frame."
    )


def _colour(effect: float) -> str:
    return colour("positive" if effect > 0 else "negative" if effect < 0 else "neutral")


def _short(text: object, characters: int) -> str:
    """The text, or its beginning and its end with an ellipsis between."""
    whole, end = str(text), characters // 3
    return whole if len(whole) <= characters else f"{whole[: characters - end - 1]}…{whole[-end:]}"


def _signed(effect: float) -> str:
    return f"{effect:+.0f}".replace("-", "−") if effect else "0"

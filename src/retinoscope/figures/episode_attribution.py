"""Attribution during an episode: contact sheets, movies, and how far it reaches back through time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import overload

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures import canvas
from retinoscope.figures.contact_sheet import contact_sheet
from retinoscope.figures.overlay import colour_bar, overlay
from retinoscope.figures.page import WIDTH, Size, panel
from retinoscope.figures.pictures import Pictures
from retinoscope.figures.style import colour, require, rgb, series, styled, title_of
from retinoscope.result import Result

__all__ = ["attribution_frames", "attribution_lags", "attribution_through_time", "episode_attribution"]

SHEET_FRAMES = 8

_MARGIN, _GAP, _TITLE, _BAR, _TRACE = 20, 16, 62, 58, 120
_VIEW = 480  # each view is enlarged by the whole number that brings it to this width or just below
_SMALLEST = 12  # letters, in pixels
_CURVE: canvas.Colour = (32, 33, 36)
_MARKERS = "osD^v<>Pphd*X"


@styled
def episode_attribution(
    result: Result, target: str | None = None, *, figsize: Size = None, caption: bool = True
) -> Figure:
    """A contact sheet: frames evenly spaced over the window, and the maps of one target, each with its own scale.

    Args:
        result: of the `episode_attribution` analysis.
        target: which; the first if not given.
        figsize: inches; None for what the frames need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis or has no such target.
    """
    data, name = _of_target(result, target)
    count = min(SHEET_FRAMES, data.sizes["time"])
    chosen = np.arange(count) * data.sizes["time"] // count
    steps, answers = data["step"].values[chosen], data["answer"].values[chosen]
    labels = [f"decision {step + 1}:  {_number(answer)}" for step, answer in zip(steps, answers, strict=True)]
    return contact_sheet(
        _shown(data, data["observation"].values[chosen]),
        data["map"].values[chosen],
        labels,
        title_of(result, f"What moves the {spoken(name)}"),
        attribution_caption(result, name) if caption else "",
        str(data["map"].attrs["units"]).format(str(data["target_units"].values)),
        figsize=figsize,
    )


@styled
def attribution_through_time(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """How much of the gradient of every target falls on how long ago, and one example in pictures.

    Args:
        result: of the `episode_attribution` analysis.
        figsize: inches; None for what the frames need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    data, first = _of_target(result, None)
    shown = min(6, data.sizes["lag"])
    when = int(data.attrs["lag_example"])
    labels = ["now"] + [f"{lag} decision{'s' if lag > 1 else ''} before" for lag in range(1, shown)]
    says = (
        f"Gradient of the {spoken(first)} at decision {int(result.data['step'].values[when]) + 1} with respect to the "
        f"observations of that and earlier decisions, through the recurrent core; of {int(data.attrs['lag_times'])} "
        "decisions the one with the largest share on the past. Truncated: gradients are followed for "
        f"{int(data.attrs['lag_steps'])} steps, and what the state owes to earlier observations is left out. "
        f"{result.data.attrs[f'gradient badge {first}']}"
    )
    return contact_sheet(
        _shown(data, data["lag_observation"].values[:shown]),
        data["lag_map"].values[:shown],
        labels,
        title_of(result, f"The past in the {spoken(first)}"),
        says if caption else "",
        f"{data['target_units'].values} per pixel unit",
        columns=3,
        figsize=figsize,
    )


@overload
def attribution_lags(result: Result, *, ax: None = None, figsize: Size = None) -> Figure: ...
@overload
def attribution_lags(result: Result, *, ax: Axes, figsize: Size = None) -> Axes: ...


@styled
def attribution_lags(result: Result, *, ax: Axes | None = None, figsize: Size = None) -> Figure | Axes:
    """The share of the absolute gradient of every target that falls on the observation so many decisions before.

    Args:
        result: of the `episode_attribution` analysis.
        ax: axes to draw into, which are then returned; None for a figure.
        figsize: of the figure, inches.

    Raises:
        UserError: the result is of another analysis.
    """
    data = _checked(result).data
    axes, drawn = panel(ax, figsize, (WIDTH, 3.4))
    lags, shades = data["lag"].values, series()
    names = [str(name) for name in data["target"].values]
    for number, name in enumerate(names):
        estimate, low, high = 100 * data["lag_share"].sel(target=name).values.T
        place = lags + (number - (len(names) - 1) / 2) * 0.08
        axes.errorbar(
            place, estimate, (estimate - low, high - estimate), color=shades[number % len(shades)],
            marker=_MARKERS[number % len(_MARKERS)], markersize=3.5, linewidth=0.9, label=spoken(name),
        )  # fmt: skip
    axes.axhline(100 / len(lags), color=colour("chance"), linestyle=":", linewidth=1, label="all of the same weight")
    axes.set(xlabel="decisions before", ylabel="share of the absolute gradient (%)", ylim=(0, None), xticks=lags)
    axes.legend()
    return drawn


def attribution_caption(result: Result, target: str) -> str:
    """What is to be read beside the maps of a target: how they were made, and whether they are about the network."""
    attributes = result.data.attrs
    return f"Target: {spoken(target)}. {attributes['caption']} {attributes[f'badge {target}']}"


def attribution_frames(result: Result, target: str | None = None) -> Iterator[np.ndarray]:
    """Compose one movie frame per decision: what the agent sees, and the same under the map of one target.

    One scale holds for the whole movie. Below, the target against time.

    Args:
        result: of the `episode_attribution` analysis.
        target: which; the first if not given.

    Yields:
        RGB frames, (height, width, 3) uint8, all of one size, height and width even.

    Raises:
        UserError: the result is of another analysis or has no such target.
    """
    data, name = _of_target(result, target)
    return _compose(data, name)


def _compose(data: xarray.Dataset, name: str) -> Iterator[np.ndarray]:
    observations, maps, answers = (data[each].values for each in ("observation", "map", "answer"))
    scale, steps, pictures = float(data["scale"]), data["step"].values, Pictures.of(data)
    factor = max(1, _VIEW // data.sizes["width"])
    width, height = factor * data.sizes["width"], factor * data.sizes["height"]
    background = _background(data, name, width, height)
    top, second = _MARGIN + _TITLE, _MARGIN + width + _GAP
    trace_top = top + height + _BAR + 34
    trace = _trace(answers, 2 * width + _GAP)
    for time in range(len(maps)):
        frame, seen = background.copy(), pictures.shown(observations[time])
        frame[top : top + height, _MARGIN : _MARGIN + width] = canvas.enlarge(seen, factor)
        covered = overlay(seen, maps[time], scale)
        frame[top : top + height, second : second + width] = canvas.enlarge(covered, factor)
        canvas.draw_text(
            frame, f"decision {steps[time] + 1}", _MARGIN + width, _MARGIN + 34, 18, canvas.GREY, align="right"
        )
        right = second + width
        canvas.draw_text(frame, _number(float(answers[time])), right, _MARGIN + 2, 22, bold=True, align="right")
        frame[trace_top : trace_top + _TRACE, _MARGIN:right] = trace
        x = _MARGIN + round(time / max(len(maps) - 1, 1) * (right - _MARGIN - 1))
        canvas.fill(frame, x, trace_top, 2, _TRACE, rgb("negative"))
        yield frame


def _background(data: xarray.Dataset, name: str, width: int, height: int) -> np.ndarray:
    """What is the same in all frames."""
    whole = 2 * _MARGIN + 2 * width + _GAP
    tall = _MARGIN + _TITLE + height + _BAR + 34 + _TRACE + _MARGIN
    frame = np.full((tall + tall % 2, whole + whole % 2, 3), 255, np.uint8)
    second, top = _MARGIN + width + _GAP, _MARGIN + _TITLE
    verdict = "passed" if bool(data["passed"]) else "FAILED"
    title, size = _fitted(f"What moves the {spoken(name)}", 22, 2 * width + _GAP - 120, bold=True)
    canvas.draw_text(frame, title, _MARGIN, _MARGIN, size, bold=True)
    canvas.draw_text(frame, "what the agent sees", _MARGIN, _MARGIN + 36, 16, canvas.GREY)
    method = str(data.attrs["method"]).replace("_", " ")
    said, size = _fitted(f"{method}; parameter randomisation: {verdict}", 16, width)
    canvas.draw_text(frame, said, second, _MARGIN + 36 + (16 - size) // 2, size, canvas.GREY)
    bar_top, scale = top + height + 8, float(data["scale"])
    frame[bar_top : bar_top + 14, second : second + width] = colour_bar(width, 14)
    for text, x, align in (
        (f"−{scale:.2g} lowers", second, "left"),
        ("0", second + width // 2, "centre"),
        (f"raises +{scale:.2g}", second + width, "right"),
    ):
        canvas.draw_text(frame, text, x, bar_top + 18, 15, canvas.INK, align=align)  # type: ignore[arg-type]
    canvas.draw_text(frame, spoken(name), _MARGIN, top + height + _BAR + 6, 16, bold=True)
    low, high = (float(each) for each in (data["answer"].min(), data["answer"].max()))
    limits = f"from {_number(low)} to {_number(high)}"
    canvas.draw_text(frame, limits, second + width, top + height + _BAR + 8, 15, canvas.GREY, align="right")
    return frame


def _fitted(text: str, size: int, width: int, bold: bool = False) -> tuple[str, int]:
    """A text and the size in which it fits into so many pixels, cut only where it would be too small to read."""
    while size > _SMALLEST and canvas.text_width(text, size, bold) > width:
        size -= 1
    return canvas.shorten(text, size, width, bold), size


def _trace(answers: np.ndarray, width: int) -> np.ndarray:
    """The whole course of the target as a line, (_TRACE, width, 3)."""
    picture = np.full((_TRACE, width, 3), 248, np.uint8)
    span = float(np.ptp(answers)) or 1.0
    place = np.interp(np.linspace(0, len(answers) - 1, width), np.arange(len(answers)), answers)
    rows = np.rint((1 - (place - answers.min()) / span) * (_TRACE - 9)).astype(int) + 4
    for x, (row, before) in enumerate(zip(rows, np.concatenate([rows[:1], rows[:-1]]), strict=True)):
        picture[min(row, before) - 1 : max(row, before) + 1, x] = _CURVE
    return picture


def _shown(data: xarray.Dataset, observations: np.ndarray) -> np.ndarray:
    """(frame, height, width, channel) -> (frame, height, width, 3) uint8."""
    pictures = Pictures.of(data)
    return np.stack([pictures.shown(each) for each in observations])


def _checked(result: Result) -> Result:
    require(result, "episode_attribution", "attribution")
    return result


def _of_target(result: Result, target: str | None) -> tuple[xarray.Dataset, str]:
    names = [str(each) for each in _checked(result).data["target"].values]
    name = names[0] if target is None else target
    if name not in names:
        raise UserError(f"target {name!r}: is not in this result; it has {', '.join(names)}")
    return result.data.sel(target=name), name


def spoken(target: str) -> str:
    """What people call a target: `probability:move forward` is the probability of move forward."""
    kind, colon, rest = target.partition(":")
    if not colon:
        return target
    if kind in ("probability", "logit", "log_probability", "q_value", "mean"):
        return f"{'Q-value' if kind == 'q_value' else kind.replace('_', ' ')} of {rest}"
    return f"activity of {kind} {rest}"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")

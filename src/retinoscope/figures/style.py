"""Colours, fonts and sizes of all figures, from one style file that can be replaced; and what every figure begins with.

What matplotlib has a name for stands in `retinoscope.mplstyle` under that name; colours that matplotlib has none for
stand there as `retinoscope.NAME`. A public function that draws is decorated by `styled`.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import matplotlib
import matplotlib.style
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, to_hex, to_rgb, to_rgba

from retinoscope.errors import UserError
from retinoscope.result import Result

__all__ = ["use_style"]

VARIABLE = "RETINOSCOPE_STYLE"
SHIPPED = Path(__file__).with_name("retinoscope.mplstyle")
rc: Any = matplotlib.rcParams
"""Matplotlib's settings, which are those of the style in use within `styled`."""

_OWN = "retinoscope."
_LINE = re.compile(r"""((?:[^"'#]|"[^"]*"|'[^']*')*)""")  # up to a comment
_GENERIC = ("serif", "sans-serif", "cursive", "fantasy", "monospace")

Drawing = TypeVar("Drawing", bound=Callable[..., Any])
StyleLike = str | Path | Mapping[str, Any]


@dataclass(frozen=True)
class Style:
    """What figures are drawn with.

    Attributes:
        rc: matplotlib's settings, on top of those that hold already.
        own: what matplotlib has no name for, as text.
    """

    rc: Mapping[str, Any]
    own: Mapping[str, str]


_chosen: Style | None = None


def use_style(*styles: StyleLike) -> None:
    """Draw all further figures and movies in these styles, each on top of the one before and all on top of our own.

    Args:
        *styles: matplotlib style files, names of styles that matplotlib knows, or mappings of settings. None at all
            for our own style again, or what the variable RETINOSCOPE_STYLE names.

    Raises:
        UserError: there is no such file or style, or a setting in it is unknown or wrong.
    """
    global _chosen
    _chosen = _joined(*styles) if styles else None


def active_style() -> Style:
    """The style in use.

    Raises:
        UserError: the variable RETINOSCOPE_STYLE names something that is no style.
    """
    return _chosen or _named(os.environ.get(VARIABLE, ""))


def styled(draw: Drawing) -> Drawing:
    """Let a function draw in the style in use, whatever matplotlib's settings are before and after."""

    @functools.wraps(draw)
    def in_style(*arguments: Any, **named: Any) -> Any:
        style = active_style()
        settings: Any = dict(style.rc)
        with matplotlib.rc_context(settings):
            # A generic family is looked up when a figure is saved, which is after this; so it is looked up here.
            rc["font.family"] = font_families(style)
            return draw(*arguments, **named)

    return cast(Drawing, in_style)


def colour(name: str) -> str:
    """One of the named colours as `#rrggbb`: `positive`, `negative`, `neutral`, `chance`, ..."""
    return str(to_hex(_colour(active_style().own[name])))


def colours(name: str) -> list[str]:
    """A named list of colours: `checkpoints` or `many`."""
    return [str(to_hex(_colour(each))) for each in active_style().own[name].split(",")]


def series() -> list[str]:
    """The colours of matplotlib's cycle, for kinds that have no order. Only within `styled`."""
    return [str(to_hex(each)) for each in rc["axes.prop_cycle"].by_key().get("color", ["black"])]


def rgb(name: str) -> tuple[int, int, int]:
    """One of the named colours for an array of pixels, 0 to 255."""
    red, green, blue = (round(255 * each) for each in to_rgb(colour(name)))
    return red, green, blue


def shade(darkness: float) -> str:
    """Between the background of axes (0) and the colour of text (1), for guides and frames. Only within `styled`."""
    paper, ink = (to_rgba(rc[name]) for name in ("axes.facecolor", "text.color"))
    ground = paper[:3] if paper[3] else (1.0, 1.0, 1.0)
    mixed: Any = [below + (above - below) * darkness for below, above in zip(ground, ink[:3], strict=True)]
    return str(to_hex(mixed))


def colour_map(name: str) -> Colormap:
    """A named colour map: `diverging`, `preference`, `cyclic`, `shading`; for `sequential` that of matplotlib."""
    named = rc["image.cmap"] if name == "sequential" else active_style().own[f"{name}_map"]
    return matplotlib.colormaps[named]


def caption_size() -> float:
    """Size of captions in points."""
    return float(active_style().own["caption_size"])


def font_families(style: Style | None = None) -> list[str]:
    """Names of the fonts of a style that this machine has, the first one first, with one that has every sign we use."""
    chosen = (style or active_style()).rc

    def setting(name: str) -> list[str]:
        value = chosen[name] if name in chosen else rc[name]
        return [value] if isinstance(value, str) else list(value)

    families = setting("font.family")
    wanted = [name for family in families for name in (setting(f"font.{family}") if family in _GENERIC else [family])]
    return list(_there(tuple(wanted)))


def framed(axes: Axes) -> None:
    """Draw all four sides of axes that hold a picture."""
    axes.spines[:].set_visible(True)


def require(result: Result, *analyses: str) -> None:
    """Refuse the result of another analysis; the first name is the one it has today."""
    if result.analysis not in analyses:
        raise UserError(f"result of {result.analysis!r}: is not one of {analyses[0]}; give the result of that analysis")


def title_of(result: Result, *parts: str) -> str:
    """What is shown, and of which agent if that is known."""
    agent = result.provenance.get("agent")
    first, *more = parts
    return " · ".join([first, *([f"agent {agent}"] if agent else []), *more])


@functools.lru_cache(maxsize=4)
def _named(style: str) -> Style:
    return _joined(style) if style else _joined()


@functools.lru_cache(maxsize=32)
def _there(names: tuple[str, ...]) -> tuple[str, ...]:
    known = {each.casefold(): each for each in font_manager.fontManager.get_font_names()}
    found = [known[name.casefold()] for name in names if name.casefold() in known][:1]
    return tuple(dict.fromkeys([*found, "DejaVu Sans"]))


def _joined(*styles: StyleLike) -> Style:
    settings: dict[str, Any] = {}
    own: dict[str, str] = {}
    for each in (_shipped(), *map(_read, styles)):
        settings |= each.rc
        own |= each.own
    return Style(settings, own)


@functools.cache
def _shipped() -> Style:
    return _checked(_settings_of(SHIPPED), str(SHIPPED), None)


def _read(style: StyleLike) -> Style:
    if isinstance(style, Mapping):
        return _checked({str(name): value for name, value in style.items()}, "style", _shipped())
    if str(style) in matplotlib.style.library:
        known: Any = matplotlib.style.library[str(style)]
        return Style(dict(known), {})
    return _checked(_settings_of(Path(style)), str(style), _shipped())


def _settings_of(path: Path) -> dict[str, str]:
    try:
        lines = path.expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise UserError(f"style {path}: cannot be read ({reason}); give a matplotlib style file") from None
    found = {}
    for number, line in enumerate(lines, start=1):
        text = _LINE.match(line).group(1).strip()  # type: ignore[union-attr]
        name, colon, value = text.partition(":")
        if text and not colon:
            raise UserError(f"style {path}: line {number} cannot be read; write NAME: VALUE")
        if text:
            found[name.strip()] = value.strip()
    return found


def _checked(settings: Mapping[str, Any], where: str, known: Style | None) -> Style:
    """What is matplotlib's and what is ours, each with a value that can be used."""
    found: Any = matplotlib.RcParams()
    own = {}
    for name, value in settings.items():
        try:
            if name.startswith(_OWN):
                own[name.removeprefix(_OWN)] = _checked_own(name.removeprefix(_OWN), value, known)
            else:
                found[name] = value
        except KeyError:
            raise UserError(f"{where}: there is no setting {name!r} in matplotlib{_ours(known)}") from None
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{where}: {name} {value!r} cannot be used ({reason})") from None
    return Style(dict(found), own)


def _ours(known: Style | None) -> str:
    return f"; ours are {', '.join(_OWN + name for name in known.own)}" if known else ""


def _checked_own(name: str, value: Any, known: Style | None) -> str:
    if known is not None and name not in known.own:
        raise KeyError(name)
    text = value if isinstance(value, str) else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if name.endswith("_map"):
        if text not in matplotlib.colormaps:
            raise ValueError("matplotlib knows no colour map of that name")
    elif name == "caption_size":
        float(text)
    elif known is not None and "," in text and "," not in known.own[name]:
        raise ValueError("one colour is wanted")
    else:
        for each in text.split(","):
            _colour(each)
    return text


def _colour(text: str) -> tuple[float, float, float]:
    """`00629e`, `#00629e`, `0.5` or a name."""
    plain = text.strip().strip("\"'")
    found = to_rgb(f"#{plain}" if re.fullmatch("[0-9a-fA-F]{6}", plain) else plain)
    return float(found[0]), float(found[1]), float(found[2])

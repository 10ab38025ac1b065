"""A run as one file that can be sent: what fits of its explorer, figures and movies, and what it leaves out."""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from retinoscope.page.explorer.pages import Held, held_explorer
from retinoscope.page.html import PAGE, SCRIPT, SINGLE_FILE, STYLE, render_report
from retinoscope.page.rendering import LARGEST

_MEDIA_TYPES = {".png": "image/png", ".mp4": "video/mp4"}
_MARKUP = 500  # bytes around what is inlined, beyond those around what is left out; its title is on the page anyway


def render_single_file(manifest: Mapping[str, Any], folder: Path, *, explorer: bool = False) -> str:
    """The page as one file of at most `LARGEST` bytes.

    Up to half of it is the explorer. What else it holds is chosen in this order, each where it still fits: figures as
    they follow on the page, one frame of every movie, movies from small to large.

    Args:
        manifest: as `analyze` writes it, `products` listed.
        folder: where the paths of the products lead from.
        explorer: whether the run has one, in explorer/.

    Raises:
        UserError: a part of the explorer is missing or damaged.
    """
    held = held_explorer(folder, LARGEST // 2) if explorer else None
    pages = (PAGE, STYLE, SCRIPT, SINGLE_FILE)
    wanted = _by_importance(manifest["products"], folder)
    render = functools.partial(render_report, manifest, folder, explorer=explorer, pages=pages, held=held)
    empty = render(inlined={}, holds=_line(wanted, wanted, held))
    left = LARGEST - len(empty.encode())
    inlined: dict[str, str] = {}
    for path in wanted:
        prefix = f"data:{_MEDIA_TYPES[Path(path).suffix]};base64,"
        size = len(prefix) + -(-(folder / path).stat().st_size // 3) * 4 + _MARKUP + _described(manifest, path)
        if size <= left:
            left -= size
            inlined[path] = prefix + base64.b64encode((folder / path).read_bytes()).decode("ascii")
    left_out = [path for path in wanted if path not in inlined]
    return render(inlined=inlined, holds=_line(wanted, left_out, held))


def _by_importance(products: Iterable[Mapping[str, Any]], folder: Path) -> list[str]:
    """Paths of what the page shows."""
    paths: dict[str, list[str]] = {"figure": [], "poster": [], "movie": []}
    for each in products:
        if each["kind"] in paths and Path(each["path"]).suffix in _MEDIA_TYPES:
            paths[each["kind"]].append(each["path"])
    movies = sorted(paths["movie"], key=lambda path: (folder / path).stat().st_size)
    return [*paths["figure"], *paths["poster"], *movies]


def _described(manifest: Mapping[str, Any], path: str) -> int:
    """Bytes that its description for those who do not see it may take, escaped."""
    entry = next(each for each in manifest["products"] if each["path"] == path)
    return 6 * len(f"{entry.get('title', '')}{entry.get('caption', '')}".encode())


def _line(wanted: list[str], left_out: list[str], held: Held | None) -> str:
    """What this file holds, and where the rest is."""
    counts = ["the explorer"] if held else []
    for folder, noun in (("figures/", "figures"), ("movies/", "movies")):
        all_of_them = [path for path in wanted if path.startswith(folder) and not _is_still(path)]
        here = sum(path not in left_out for path in all_of_them)
        if all_of_them:
            counts.append(f"{here} of {len(all_of_them)} {noun}")
    absent = [*left_out, *(f"the explorer's {each}" for each in (held.left_out if held else ()))]
    large = f" Left out, to stay below {LARGEST // 1_000_000} MB: {', '.join(absent)}." if absent else ""
    rest = "PDF and GIF files, results/ and recording.zarr"
    held_here = " and ".join(filter(None, [", ".join(counts[:-1]), *counts[-1:]])) or "text alone"
    return f"This one file holds {held_here}.{large} All of it, and {rest}, lie in the run's directory beside {PAGE}."


def _is_still(path: str) -> bool:
    return path.startswith("movies/") and path.endswith(".png")

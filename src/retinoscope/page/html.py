"""The report: an HTML page beside its figures and movies, which needs no network and no server."""

from __future__ import annotations

import csv
import functools
import json
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jinja2
from PIL import Image

from retinoscope.page.rendering import policy, templates

if TYPE_CHECKING:
    from retinoscope.page.explorer.pages import Held

PAGE, STYLE, SCRIPT, SINGLE_FILE = "index.html", "page.css", "page.js", "single-file.html"
"""What the pages of a run are called in its directory, and what the first needs beside it."""

HERE = Path(__file__).parent
"""Where style sheet and script are copied from."""

POLICIES = {
    "report": "img-src 'self' data:; media-src 'self'; style-src 'self'; script-src 'self'",
    # The explorer draws from blobs, and works in workers that it makes of blobs.
    "explorer": "img-src 'self' data: blob:; media-src 'self'; style-src 'self'; script-src 'self'; worker-src blob:",
    "single file": "img-src data:; media-src data:; style-src '{style}'; script-src '{script}'",
    "single file with explorer": "img-src data: blob:; media-src data:; style-src '{style}' '{explorer_style}'; "
    "script-src '{script}' '{explorer_script}'; worker-src blob:",
}
_LONGEST_VALUE = 80  # characters; longer lists of parameters are counted instead
_LONGEST_TEXT = 20_000  # characters; of what is longer the page shows the beginning and names the file
_MOST_ROWS = 100  # of a table on the page, so that it opens at once


def render_report(
    manifest: Mapping[str, Any],
    folder: Path,
    *,
    explorer: bool = False,
    pages: tuple[str, ...] = (PAGE, STYLE, SCRIPT),
    inlined: Mapping[str, str] | None = None,
    held: Held | None = None,
    holds: str = "",
) -> str:
    """The page for a manifest whose figures and movies lie in `folder`; they are files beside it, loaded when seen.

    Everything that comes from outside (names, captions, parameters) is escaped, and the page's own policy forbids
    whatever is no file of its own.

    Args:
        manifest: as `analyze` writes it, `products` listed.
        folder: where the paths of the products lead from.
        explorer: begin with a place for the explorer, and load it from explorer/, or from `held`.
        pages: what the list of files names besides the products.
        inlined: for a page that is one file, the figures and movies it holds, as data, by their paths; others it
            leaves out.
        held: the explorer that such a page holds.
        holds: what such a page says it holds and leaves out.
    """
    environment = page_templates()
    world = manifest["world"]["declaration"]
    is_one_file = inlined is not None
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in (STYLE, SCRIPT))
    address = quote if inlined is None else functools.partial(_held, inlined)
    omitted = manifest.get("omitted", {})
    return environment.get_template("page.html").render(
        agent=manifest["agent"],
        heads=_heads(manifest["agent"]),
        world=world,
        events=[{**each, "effect": _effect(each, world["words"])} for each in world["events"]],
        training=flatten(manifest["agent"]["training"]),
        options=manifest["options"],
        versions=manifest["versions"],
        seconds=manifest["seconds"],
        sections=[section_of(each, manifest["products"], folder, address, omitted) for each in manifest["analyses"]],
        products=manifest["products"],
        pages=pages,
        explorer=explorer,
        held=held,
        is_one_file=is_one_file,
        style=style,
        script=script,
        holds=holds,
        policy=_policy(style, script, explorer, is_one_file, held),
    )


def page_templates() -> jinja2.Environment:
    """The templates of pages, with what they write numbers and texts by."""
    environment = templates(HERE / "templates")
    environment.filters |= {"compact": compact, "number": _number, "address": quote, "beginning": _beginning}
    return environment


def _policy(style: str, script: str, explorer: bool, is_one_file: bool, held: Held | None) -> str:
    if held is not None:
        found = POLICIES["single file with explorer"]
        return policy(found, style=style, script=script, explorer_style=held.style, explorer_script=held.script)
    name = "single file" if is_one_file else "explorer" if explorer else "report"
    return policy(POLICIES[name], style=style, script=script)


def _held(inlined: Mapping[str, str], path: str) -> str | None:
    return inlined.get(path)


def _heads(agent: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How the agent acts, head by head: the parts of a sentence."""
    found = []
    for name, outputs in agent["action_heads"].items():
        kind = agent["action_kinds"].get(name, "choice")
        if kind == "gaussian":  # means, and behind them as many deviations
            names, verb, joint = outputs[: len(outputs) // 2], "draws", ", numbers: "
        else:
            names, verb, joint = outputs, "chooses", " by their values from " if kind == "q_values" else " from "
        found.append({"name": name, "outputs": names, "verb": verb, "joint": joint})
    return found


def section_of(
    analysis: Mapping[str, Any],
    products: list[dict[str, Any]],
    folder: Path,
    address: Callable[[str], str | None],
    omitted: Mapping[str, str],
) -> dict[str, Any]:
    """One analysis: its movies and figures with their addresses, and the parameters of its result."""
    own = [each for each in products if each["analysis"] == analysis["name"]]
    paths = {each["path"] for each in own}
    posters = {Path(each["path"]).stem: each["path"] for each in own if each["kind"] == "poster"}
    movies = [
        {
            **each,
            "source": address(each["path"]),
            "still": address(posters[Path(each["path"]).stem]),
            "gif": gif if (gif := str(Path(each["path"]).with_suffix(".gif"))) in paths else None,
        }
        for each in own
        if each["kind"] == "movie" and each["path"].endswith(".mp4")
    ]
    figures = [
        {
            **each,
            **_size(folder / each["path"]),
            "source": address(each["path"]),
            "pdf": str(Path(each["path"]).with_suffix(".pdf")),
        }
        for each in own
        if each["kind"] == "figure" and each["path"].endswith(".png")
    ]
    tables = [{**each, **_cells(folder / each["path"])} for each in own if each["kind"] == "table"]
    reason = omitted.get(analysis["name"])
    texts = [{**each, **_text(folder / each["path"])} for each in own if each["kind"] == "text" and reason is None]
    result = next(each for each in own if each["kind"] == "result")
    media = {"movies": movies, "figures": figures, "tables": tables, "texts": texts}
    return {**analysis, **media, "reason": reason, "result": result}


def _size(path: Path) -> dict[str, int]:
    """Of a picture, from its first bytes: the page keeps its place before it is loaded."""
    with Image.open(path) as image:
        return {"width": image.width, "height": image.height}


def _cells(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        return {"cells": list(islice(rows, _MOST_ROWS + 1)), "rows_left_out": sum(1 for _ in rows)}


def _text(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    return {"text": _beginning(text), "is_cut": len(text) > _LONGEST_TEXT}


def _beginning(text: str) -> str:
    """A text, or as much of it as a page can show."""
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]} …"


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, `network.kernel_size` for what was inside `network`."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def compact(value: Any) -> str:
    """A parameter in a few words: lists that are too long are counted, mappings keep their keys."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {compact(each)}" for key, each in value.items()) or "none"
    if isinstance(value, list | tuple):
        text = ", ".join(compact(each) for each in value)
        return (
            text if len(text) <= _LONGEST_VALUE else f"{len(value)} values, {compact(value[0])} to {compact(value[-1])}"
        )
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return _number(value) if isinstance(value, int | float) else value if isinstance(value, str) else json.dumps(value)


def _number(value: float) -> str:
    """Thousands apart; four digits of what is not whole."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"


def _effect(event: Mapping[str, Any], words: Mapping[str, str]) -> str:
    """What an event does to the agent, in the words of its world."""
    valence = event["valence"]
    if not valence:
        return "not known" if valence is None else "● nothing"
    sign, kind = ("▲", words["positive"]) if valence > 0 else ("▽", words["negative"])
    size = f", {'+' if valence > 0 else '−'}{_number(abs(valence))} {event['units']}" if event["units"] else ""
    return f"{sign} {kind}{size}{' (inferred)' if event['is_inferred'] else ''}"

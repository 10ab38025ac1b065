"""Write docs/gallery.md: every figure that an analysis draws, the lines that make it, and what to read off it.

The analyses come from their declarations, the words from tools/gallery.yaml, and pictures and captions from
docs/images/gallery, where tools/draw_gallery.py puts them.
"""

from __future__ import annotations

import fnmatch
import functools
import html
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from retinoscope.analyses.declaration import GROUPS, Analysis
from retinoscope.analyses.registry import all_analyses

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"
PICTURES = ROOT / "docs" / "images" / "gallery"
WORDS = ROOT / "tools" / "gallery.yaml"


@functools.cache
def read_words() -> dict[str, Any]:
    """What tools/gallery.yaml holds."""
    return yaml.safe_load(WORDS.read_text(encoding="utf-8"))


def has_place(analysis: str, drawing: str) -> bool:
    """Whether the gallery shows this drawing of an analysis, or one of its kind."""
    figures = read_words()["analyses"].get(analysis, {}).get("figures", {})
    return any(shows(name, figure, drawing) for name, figure in figures.items())


def shows(name: str, figure: dict[str, Any], drawing: str) -> bool:
    """Whether a picture of the gallery is of this drawing, or stands for it."""
    return any(fnmatch.fnmatch(drawing, each) for each in (figure.get("file", name), *figure.get("like", ())))


def commands(analysis: Analysis, words: dict[str, Any]) -> str:
    """The line of the shell that makes all figures of an analysis."""
    options = words["analyses"][analysis.name].get("options", "")
    base = "compare digits apples --checkpoints all --frames 600"
    if analysis.of != "compared":
        base = "analyze digits --frames 4000"
    return " ".join(f"retinoscope {base} --only {analysis.name} {options} --out {folder(analysis)}".split())


def folder(analysis: Analysis) -> str:
    """Where the commands of the page write."""
    return "gallery-compared" if analysis.of == "compared" else "gallery"


def lines_of_python(analysis: Analysis, words: dict[str, Any], drawings: Collection[str] | None = None) -> str:
    """What draws the figures of an analysis again, or those of these drawings; empty if there are but movies."""
    figures = words["analyses"][analysis.name]["figures"]
    drawn = [
        f'retinoscope.figures.{figure["call"]}.savefig("{name}.pdf")'
        for name, figure in figures.items()
        if "call" in figure and (drawings is None or any(shows(name, figure, each) for each in drawings))
    ]
    if not drawn:
        return ""
    load = f'result = retinoscope.load_result("{folder(analysis)}/results/{analysis.name}.nc")'
    return "\n".join(["import retinoscope", "", load, *drawn])


def page() -> str:
    """The whole page."""
    words = read_words()
    captions = json.loads((PICTURES / "captions.json").read_text(encoding="utf-8"))
    parts = [words["top"]]
    for group in GROUPS:
        members = [each for each in all_analyses().values() if each.group == group.name]
        shown = [each for each in members if each.name in words["analyses"]]
        if shown:
            parts.append(f"## {group.title}\n")
            parts += [_section(each, words, captions) for each in shown]
    return "\n".join(parts)


def _section(analysis: Analysis, words: dict[str, Any], captions: dict[str, dict[str, str]]) -> str:
    lines = [f"### {analysis.title}\n", f"`{analysis.name}`: {analysis.summary}\n"]
    lines.append(f"```bash\n{commands(analysis, words)}\n```\n")
    if python := lines_of_python(analysis, words):
        lines.append(f"```python\n{python}\n```\n")
    for name, figure in words["analyses"][analysis.name]["figures"].items():
        said = captions[name]
        kind = "Movie" if figure.get("movie") else "Caption"
        lines.append(f"![{said['title']}](images/gallery/{name}.png)\n")
        lines.append(f"**{said['title']}.** {figure['reads'].strip()}\n")
        lines.append(f"<details><summary>{kind}</summary>{html.escape(said['caption'], quote=False)}</details>\n")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

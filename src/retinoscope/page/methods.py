"""Text for a paper: what a run computed, in sentences, and the papers whose methods it used.

Both are written from the manifest alone: what was not made is not in it, and no number is said that it does not hold.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from retinoscope.analyses.declaration import Analysis
from retinoscope.analyses.methods import as_line, cited, code, papers, say, sentences
from retinoscope.analyses.registry import analysis
from retinoscope.page.products import Product

METHODS, REFERENCES = "methods.md", "references.bib"
"""What the files are called in the directory of a run."""

_SOFTWARE = {"torch": "paszke2019", "numpy": "harris2020", "xarray": "hoyer2017"}

_ONE_AGENT = """
The agent {{ agent.name | code }}{% if agent.checkpoint_sha256 %} (checkpoint with SHA-256 {{ agent.checkpoint_sha256
| code }}{% if agent.frames_trained is not none %}, trained for {{ agent.frames_trained }} frames{% endif %}){% endif
%} was examined in the world {{ world.name | code }}{% if world.sha256 %} (SHA-256 {{ world.sha256 | code }}){% endif
%}. It sees {{ picture.height }} × {{ picture.width }} pixels in {{ picture.channels | counted("channel")
}}{% if picture.frames > 1 %}, {{ picture.frames }} frames stacked{% endif %}. The
layers of its network are {% for each in agent.layers %}{{ each.name | code }} ({{ each.kind }}, {{ each.shape |
join(" × ") }}){{ "" if loop.last else ", " }}{% endfor %}. {% if world.declaration.seconds_per_decision %}One
decision takes {{ world.declaration.seconds_per_decision }} s of the world's own time.{% endif %} It played {{
options.frames }} decisions{% if played %} in {{ played.environments | counted("environment") }} ({{
played.episodes | counted("episode") }}){% endif %}, its actions drawn from
what its network gives (seed {{ options.seed }}).
"""
_SEVERAL = """
These {{ members | length }} agents were compared: {% for each in members %}{{ each.name | code }}{% if
each.checkpoint_sha256 %} (checkpoint with SHA-256 {{ each.checkpoint_sha256 | code }}{% if each.frames_trained is not
none %}, trained for {{ each.frames_trained }} frames{% endif %}){% endif %}{{ "" if loop.last else "; " }}{% endfor
%}. All of them were shown {{ stimuli | listed }} (seed {{ options.seed }}).
"""


def write_methods(manifest: Mapping[str, Any], folder: Path) -> list[Product]:
    """Write methods.md and references.bib into `folder`.

    Args:
        manifest: as `analyze` and `compare` write it, `products` listed; of `examples`, with neither agent nor members.
        folder: the directory of the run.
    """
    began = time.monotonic()
    text, keys = _text(manifest)
    known = papers()
    (folder / METHODS).write_text(text, encoding="utf-8")
    (folder / REFERENCES).write_text("\n\n".join(known[key] for key in keys) + "\n", encoding="utf-8")
    return [
        Product("report", "methods", METHODS, time.monotonic() - began),
        Product("report", "references", REFERENCES, 0.0),
    ]


def _text(manifest: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The text, and the keys of what it cites."""
    parts = ["# Methods", _subject(manifest)]
    for each in manifest["products"]:
        if each["kind"] == "result" and each["analysis"] not in manifest.get("omitted", {}) and each.get("measured"):
            of = analysis(each["analysis"])
            parts += [f"## {of.title}", _sentences(of, each)]
    if manifest.get("omitted"):
        parts += ["## Asked for, and not made", *_not_made(manifest["omitted"])]
    parts += ["## Software", _software(manifest["versions"])]
    keys = sorted(cited("\n".join(parts)))
    parts += ["## References", "\n".join(f"- @{key}: {as_line(papers()[key])}" for key in keys)]
    return "\n\n".join(filter(None, parts)) + "\n", keys


def _subject(manifest: Mapping[str, Any]) -> str:
    """Who was examined, where, and over how much."""
    if "members" in manifest:
        return say(_SEVERAL, manifest)
    if "agent" not in manifest:
        return ""
    recorded = (each.get("measured", {}).get("found") for each in manifest["products"] if each["kind"] == "recording")
    picture = manifest["world"]["declaration"]["picture"]
    return say(_ONE_AGENT, {**manifest, "played": next(recorded, None), "picture": picture})


def _sentences(of: Analysis, product: Mapping[str, Any]) -> str:
    try:
        return sentences(of, product["parameters"], product["measured"])
    except jinja2.UndefinedError:  # a Result of an earlier version says less of itself
        return f"{of.summary} The parameters are in the manifest."


def _not_made(omitted: Mapping[str, str]) -> list[str]:
    return ["\n".join(f"- {analysis(name).title}: {reason}." for name, reason in omitted.items())]


def _software(versions: Mapping[str, str]) -> str:
    named = []
    for package, version in versions.items():
        paper = f" [@{_SOFTWARE[package]}]" if package in _SOFTWARE else ""
        named.append(f"{package} {code(version)}{paper}")
    return f"Computed with {', '.join(named)}."

"""The page: one HTML file that holds its figures and movies, and needs no network and no scripts."""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

_MEDIA_TYPES = {".png": "image/png", ".mp4": "video/mp4"}
_LARGEST_EMBEDDED_MOVIE = 20_000_000  # bytes; the page links to larger ones, or no browser would open it
_LONGEST_VALUE = 80  # characters; longer lists of parameters are counted instead


def render_report(manifest: Mapping[str, Any], folder: Path) -> str:
    """The page for a manifest whose figures and movies lie in `folder`.

    Everything that comes from outside (names, captions, parameters) is escaped.

    Args:
        manifest: as `analyze` writes it, `products` listed.
        folder: where the paths of the products lead from.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"compact": compact, "number": _number}
    world = manifest["world"]["declaration"]
    return environment.get_template("template.html").render(
        agent=manifest["agent"],
        heads=_heads(manifest["agent"]),
        world=world,
        events=[{**each, "effect": _effect(each, world["words"])} for each in world["events"]],
        training=flatten(manifest["agent"]["training"]),
        options=manifest["options"],
        versions=manifest["versions"],
        seconds=manifest["seconds"],
        sections=[_section(each, manifest["products"], folder) for each in manifest["analyses"]],
        products=manifest["products"],
    )


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


def _section(analysis: Mapping[str, Any], products: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """One analysis: its movies and figures as data, and the parameters of its result."""
    own = [each for each in products if each["analysis"] == analysis["name"]]
    paths = {each["path"] for each in own}
    posters = {Path(each["path"]).stem: each["path"] for each in own if each["kind"] == "poster"}
    movies = [
        {
            **each,
            "data": _movie_uri(folder, each["path"]),
            "poster": _data_uri(folder / posters[Path(each["path"]).stem]),
            "gif": gif if (gif := str(Path(each["path"]).with_suffix(".gif"))) in paths else None,
        }
        for each in own
        if each["kind"] == "movie" and each["path"].endswith(".mp4")
    ]
    figures = [
        {**each, "data": _data_uri(folder / each["path"]), "pdf": str(Path(each["path"]).with_suffix(".pdf"))}
        for each in own
        if each["kind"] == "figure" and each["path"].endswith(".png")
    ]
    tables = [{**each, "cells": _cells(folder / each["path"])} for each in own if each["kind"] == "table"]
    texts = [
        {**each, "text": (folder / each["path"]).read_text(encoding="utf-8")} for each in own if each["kind"] == "text"
    ]
    result = next(each for each in own if each["kind"] == "result")
    return {**analysis, "movies": movies, "figures": figures, "tables": tables, "texts": texts, "result": result}


def _cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _movie_uri(folder: Path, path: str) -> str:
    return _data_uri(folder / path) if (folder / path).stat().st_size <= _LARGEST_EMBEDDED_MOVIE else path


def _data_uri(path: Path) -> str:
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return f"data:{_MEDIA_TYPES[path.suffix]};base64,{content}"


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

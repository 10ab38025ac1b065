"""What an analysis says of its method, in sentences for a paper: the template of its declaration, filled from a Result.

A template is written once, in the declaration (`Analysis.methods`), in Jinja: the parameters of the Result by their
names; `sizes`, `found`, `labels` and `words` of what it measured (`measured`); and `interval`, the coverage of all
intervals in percent. Papers are cited as `[@key]`, by keys of references.bib or of the declaration's own
`bibliography`. It has no number of its own, so that every number that is said is one that the manifest holds.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from retinoscope.analyses.declaration import Analysis
from retinoscope.analyses.registry import all_analyses
from retinoscope.attribution.parameters import IN_A_PAPER
from retinoscope.result import Result

INTERVAL = 95
"""Percent that every interval of an analysis covers, unless a parameter says otherwise."""

_MOST_NAMES = 32  # along a dimension, and numbers in a list; longer ones are counted by their size alone
_LONGEST_WORD = 60  # characters of a text that may be spoken of; captions are longer
_CITED = re.compile(r"\[(@[\w-]+(?:; @[\w-]+)*)\]")


def measured(result: Result) -> dict[str, Any]:
    """Over how much: what of a Result the manifest holds, and sentences may speak of.

    Returns:
        `sizes`, of its dimensions; `found`, single ones and short lists by the names of variables and attributes,
        None for what is not finite; `labels`, names along short dimensions; `words`, short texts. JSON-able.
    """
    data = result.data
    numbers: dict[str, Any] = {}
    names: dict[str, list[str]] = {}
    words: dict[str, str] = {}
    for name, each in data.variables.items():
        if each.ndim > 1 or each.size > _MOST_NAMES:
            continue
        if each.dtype.kind in ("biuf" if each.ndim == 0 else "biu"):  # counts; what was found is in the Result
            numbers[str(name)] = _plain(each.values.tolist())
        elif each.dtype.kind in "UO" and each.ndim == 1:
            names[str(name)] = [str(one) for one in each.values.tolist()]
    for name, value in data.attrs.items():
        if isinstance(value, str):
            if len(value) <= _LONGEST_WORD and not value.startswith(("[", "{")):
                words[str(name)] = value
        elif getattr(value, "ndim", 0) == 0:
            numbers[str(name)] = _plain(value.item() if hasattr(value, "item") else value)
    sizes = {str(name): int(size) for name, size in data.sizes.items()}
    return {"sizes": sizes, "found": numbers, "labels": names, "words": words}


def sentences(analysis: Analysis, parameters: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """How an analysis was made, as a paper says it; without a template, its summary.

    Args:
        analysis: which.
        parameters: of its Result.
        found: what `measured` says of its Result.

    Raises:
        jinja2.UndefinedError: the Result does not hold what the template speaks of; one of an earlier version may not.
    """
    if not analysis.methods:
        return f"{analysis.title}: {analysis.summary}"
    return say(analysis.methods, {**parameters, **found})


def say(template: str, values: Mapping[str, Any]) -> str:
    """A template with these values, its sentences one after the other."""
    text = " ".join(_templates().from_string(template).render(**values).split())
    return re.sub(r" ([.,;)])", r"\1", text)


def cited(text: str) -> list[str]:
    """Keys of the papers that a text cites, in their order, each once."""
    found = (key.strip()[1:] for group in _CITED.findall(text) for key in group.split(";"))
    return list(dict.fromkeys(found))


@functools.cache
def papers() -> Mapping[str, str]:
    """Every paper that a declaration can cite: its entry of BibTeX by its key."""
    texts = [(Path(__file__).parent / "references.bib").read_text(encoding="utf-8")]
    texts += [each.bibliography for each in all_analyses().values()]
    entries = [each for text in texts for each in re.findall(r"^\s*(@\w+\{.*?\}\s*\})\s*$", text, re.DOTALL | re.M)]
    return {re.split(r"[{,]", entry)[1].strip(): entry for entry in entries}


def as_line(entry: str) -> str:
    """A paper as a line of a list: who, when, what, where."""
    fields = dict(re.findall(r"(\w+)\s*=\s*\{((?:[^{}]|\{[^{}]*\})*)\}", entry))
    fields = {name: re.sub(r"[{}]", "", text).replace("--", "–") for name, text in fields.items()}
    where = fields.get("journal") or fields.get("booktitle") or fields.get("publisher", "")
    place = " ".join(filter(None, [where, fields.get("volume")]))
    pages = f", {fields['pages']}" if "pages" in fields else ""
    title = fields["title"] if fields["title"].endswith("?") else f"{fields['title']}."
    return f"{_authors(fields['author'])} ({fields['year']}). {title} {place}{pages}."


def _authors(text: str) -> str:
    """Family names, of more than three the first."""
    families = [each.split(",")[0].strip() for each in text.split(" and ")]
    if len(families) > 3 or families[-1] == "others":
        return f"{families[0]} et al."
    return " and ".join([", ".join(families[:-1]), families[-1]]) if len(families) > 1 else families[0]


def number(value: float) -> str:
    """Thousands apart; four digits of what is not whole."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _spoken(value: Any) -> Any:
    """How a value stands in a sentence."""
    if isinstance(value, bool) or value is None:
        raise jinja2.UndefinedError(f"a template says {value} as it is")
    if isinstance(value, int | float):
        return number(value)
    return _listed(value) if isinstance(value, list | tuple) else value


def _listed(values: Any) -> str:
    """a, b and c."""
    spoken = [str(_spoken(each)) for each in values]
    return " and ".join(filter(None, [", ".join(spoken[:-1]), spoken[-1]])) if spoken else "none"


def _counted(count: float, noun: str) -> str:
    """1 episode, 2 episodes."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def code(text: str) -> str:
    """A name of anyone's, so that no Markdown and no HTML comes of it."""
    return f"`{' '.join(str(text).replace('`', ' ').split())}`"


@functools.cache
def _templates() -> jinja2.Environment:
    # Sentences are Markdown, in which names of anyone's stand as code; there is no HTML to escape.
    made = jinja2.Environment(undefined=jinja2.StrictUndefined, finalize=_spoken, autoescape=False)
    made.filters |= {"listed": _listed, "counted": _counted, "code": code}
    made.globals |= {"attribution": IN_A_PAPER.__getitem__, "interval": INTERVAL}
    return made

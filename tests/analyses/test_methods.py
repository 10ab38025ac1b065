"""Text for papers: every analysis has its sentences, in one place, and they say no number of their own."""

from __future__ import annotations

import re

import numpy as np
import pytest
import xarray

from retinoscope.analyses import methods
from retinoscope.analyses.declaration import Analysis
from retinoscope.analyses.methods import as_line, cited, measured, papers, say, sentences
from retinoscope.analyses.registry import all_analyses, analysis
from retinoscope.result import Result
from retinoscope.testing.said import numbers_not_held

OURS = [each for each in all_analyses().values() if each.run.__module__.startswith("retinoscope.")]


@pytest.mark.parametrize("each", OURS, ids=lambda each: each.name)
def test_every_analysis_says_how_it_is_made_and_has_no_number_of_its_own(each: Analysis) -> None:
    assert each.methods, f"{each.name}: give its declaration `methods`, see retinoscope.analyses.methods"
    words = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\[@.*?\]", "", each.methods, flags=re.DOTALL)
    assert re.findall(r"\d", words) == [], "a number is a parameter of the Result, or what it measured"
    assert set(cited(each.methods)) <= set(papers())


def test_every_paper_is_cited_and_has_an_author_a_year_and_a_title() -> None:
    from retinoscope.attribution.parameters import IN_A_PAPER
    from retinoscope.page.methods import _SOFTWARE

    texts = [each.methods for each in OURS] + list(IN_A_PAPER.values())
    used = {key for text in texts for key in cited(text)} | set(_SOFTWARE.values())
    used |= set(re.findall(r'"\[@(\w+)\]"', " ".join(texts)))
    assert used == set(papers())
    for key, entry in papers().items():
        assert re.fullmatch(r"[\w .,‐-]+ \(\d{4}\)\. .+\.", as_line(entry), flags=re.DOTALL), key


def test_a_line_of_references() -> None:
    assert as_line(papers()["hyvarinen1999"]) == (
        "Hyvärinen (1999). Fast and robust fixed-point algorithms for independent component analysis. IEEE "
        "Transactions on Neural Networks 10, 626–634."
    )


def test_the_sentences_say_what_was_measured() -> None:
    data = xarray.Dataset(
        {
            "episodes": 4,
            "map": (("time", "unit"), np.zeros((1200, 3))),
            "events": ("kind", [24, 3]),
            "mean": ("kind", [0.5, 0.25]),
            "lost": np.nan,
        },
        coords={"kind": ["good", "bad"]},
        attrs={"clock_units": "s", "caption": "c" * 80, "tables": "[1]", "rate": np.float32(0.5)},
    )
    found = measured(Result("planted", data))
    assert found == {
        "sizes": {"time": 1200, "unit": 3, "kind": 2},
        "found": {"episodes": 4, "events": [24, 3], "lost": None, "rate": 0.5},
        "labels": {"kind": ["good", "bad"]},
        "words": {"clock_units": "s"},
    }
    template = """{{ sizes.time }} decisions ,{% if sizes.time > 9 %} of {{ labels.kind | listed }} {% endif %}
        ({{ width }} {{ words.clock_units }}, {{ interval }}%) [@stein1981; @kuhn1955] ."""
    text = say(template, {"width": 0.123456, **found})
    assert text == "1,200 decisions, of good and bad (0.1235 s, 95%) [@stein1981; @kuhn1955]."
    assert cited(text) == ["stein1981", "kuhn1955"]
    assert numbers_not_held(text, {"width": 0.123456, "interval": 95, **found}) == []
    assert numbers_not_held(text, {"sizes": found["sizes"], "interval": 95}) == ["0.1235"]
    assert numbers_not_held("60 of PC1", {"a": [60.0], "caption": "PC1"}) == ["PC1"]


def test_what_a_result_does_not_hold_is_no_word_of_a_text() -> None:
    for template in ("{{ nothing }}", "{{ none }}", "{{ yes }}"):
        with pytest.raises(methods.jinja2.UndefinedError):
            say(template, {"none": None, "yes": True})


def test_without_a_template_there_is_the_summary() -> None:
    import dataclasses

    bare = dataclasses.replace(analysis("raster"), methods="")
    assert sentences(bare, {}, {}) == f"{bare.title}: {bare.summary}"


@pytest.mark.parametrize(
    ("settings", "done"),
    [
        ({"do": "clamp"}, "along a component was, at every decision, held at its mean;"),
        ({"do": "clamp:2"}, "held at 2 standard deviations from its mean;"),
        ({"do": "clamp", "doses": (-3.0, 3.0)}, "held at -3 and 3 standard deviations from its mean;"),
        ({"do": "add:1.5"}, "moved by 1.5 standard deviations;"),
        ({"do": "ablate"}, "removed;"),
        ({"do": "swap:7"}, "exchanged with that of another (swap:7);"),
        ({"do": "ablate", "directions": ("unit:1", "unit:2")}, "one of the directions unit:1 and unit:2 was, at every"),
        ({"do": "add:2", "when": "health < 50"}, "was, at every decision at which health < 50, moved by 2 standard"),
    ],
)
def test_an_intervention_says_what_was_done_to_the_memory(settings, done):
    values = {"doses": None, "directions": None, "when": None, "episodes": 5, "random_directions": 4, "episode_seed": 1}
    values |= settings
    text = say(analysis("intervention").methods, values)
    assert done in text and " The agent played 5 episodes" in f" {text}"

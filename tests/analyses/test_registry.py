"""The declarations are all there is: what they say is where lists, runs and public names come from."""

from __future__ import annotations

import inspect
import re
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

import retinoscope.analyses
import retinoscope.figures
import retinoscope.page
from retinoscope.analyses import registry
from retinoscope.analyses.declaration import GROUPS, Analysis
from retinoscope.analyses.registry import all_analyses, analysis, select_analyses
from retinoscope.errors import UserError

NAMES = list(all_analyses())


@pytest.mark.parametrize("name", NAMES)
def test_an_analysis_has_one_name_everywhere(name: str) -> None:
    each = all_analyses()[name]
    assert each.run.__name__ == name
    assert each.run.__module__ == f"retinoscope.analyses.{each.group}.{name}"
    assert getattr(retinoscope.analyses, name) is each.run
    assert getattr(retinoscope.analyses, each.parameters.__name__) is each.parameters
    assert {name, each.parameters.__name__} <= set(dir(retinoscope.analyses))
    if not each.is_shared:
        stem = {"activation_movies": "activation_frames", "field_movie": "field_frames"}.get(name, name)
        assert any(figure.startswith(stem) for figure in dir(retinoscope.figures)), "its figures have its name"


@pytest.mark.parametrize("name", NAMES)
def test_there_is_one_way_to_call(name: str) -> None:
    """What is analysed comes first, then keywords, then settings by name."""
    parameters = list(inspect.signature(all_analyses()[name].run).parameters.values())
    first, *others = parameters
    assert first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert others[-1].kind is inspect.Parameter.VAR_KEYWORD and others[-1].name == "settings"
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in others[:-1])
    allowed = {"agent", "recording", "world", "given", "cache", "parameters", "progress", "observations"}
    assert {each.name for each in others[:-1]} <= allowed
    assert {each.name for each in others[:-1]} >= {"parameters"}


def test_one_sentence_says_what_each_shows() -> None:
    for each in all_analyses().values():
        assert each.summary.endswith(".") and len(each.summary) <= 160, each.name
        assert each.title and each.needs, each.name


def test_the_page_has_the_order_of_groups_and_ranks() -> None:
    groups = [group.name for group in GROUPS]
    kept = [each for each in all_analyses().values() if not each.is_always_made]
    assert [each.group for each in kept] == sorted((each.group for each in kept), key=groups.index)
    assert NAMES[:2] == ["simulation", "receptive_fields"]


def test_the_quick_analyses_always_run() -> None:
    assert [each.name for each in select_analyses()] == ["simulation", "receptive_fields"]


def test_words_of_the_first_tool_are_understood() -> None:
    for group in GROUPS:
        if group.also:
            assert select_analyses(group.also) == select_analyses(group.name)


def test_only_brings_what_it_builds_on_and_nothing_else() -> None:
    assert [each.name for each in select_analyses(only="burn_in")] == ["burn_in"]
    for each in all_analyses().values():
        found = [one.name for one in select_analyses(only=each.name)]
        assert found[-1] == each.name
        for place, name in enumerate(found):
            assert set(all_analyses()[name].builds_on) <= set(found[:place])
    assert [each.name for each in select_analyses(only=["simulation,burn_in"])] == ["simulation", "burn_in"]


@pytest.mark.parametrize("responses", ["telepathy", ["telepathy"], ("always",)])
def test_an_unknown_group_is_refused_and_what_there_is_listed(responses: str | list[str]) -> None:
    with pytest.raises(UserError, match=r"unknown; .*simulation and receptive fields always run"):
        select_analyses(responses)


def test_the_nearest_name_is_given() -> None:
    with pytest.raises(UserError, match="responses 'memry': unknown; did you mean 'memory'"):
        select_analyses("memry")
    with pytest.raises(UserError, match="analysis 'decodin': unknown; did you mean 'decoding'"):
        select_analyses(only="decodin")


def test_results_of_earlier_names_find_their_analysis() -> None:
    assert analysis("attribution").name == "episode_attribution"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch):
    """Have another package declare something."""

    def declare(declared: object) -> None:
        def load() -> object:
            if isinstance(declared, Exception):
                raise declared
            return declared

        point = SimpleNamespace(name="theirs", value="their_package:ANALYSIS", load=load)
        monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == registry.ENTRY_POINTS else [])
        all_analyses.cache_clear()

    yield declare
    monkeypatch.undo()
    all_analyses.cache_clear()


def their(**changes: object) -> Analysis:
    import dataclasses

    return dataclasses.replace(analysis("burn_in"), **{"name": "theirs", "group": "behaviour", **changes})


def test_an_analysis_of_another_package_is_one_of_all(installed) -> None:
    declared = their(title="Theirs")
    installed(declared)
    assert all_analyses()["theirs"] is declared
    assert "theirs" in [each.name for each in select_analyses("behaviour")]


def test_no_part_of_the_page_can_be_an_analysis() -> None:
    templates = Path(retinoscope.page.__path__[0]) / "templates"
    parts = {name for each in templates.glob("*.html") for name in re.findall(r'id="(\w+)"', each.read_text("utf-8"))}
    assert {"explorer", "report", "agent"} <= parts <= set(registry.TAKEN)
    assert not set(registry.TAKEN) & {*NAMES, *(former for each in all_analyses().values() for former in each.formerly)}


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        (ImportError("no module named x"), "'theirs' of their_package:ANALYSIS: cannot be loaded .*no module named x"),
        ("text", "is no Analysis; see docs/plugins.md"),
        ({"name": "raster"}, "analysis 'raster' of their_package:ANALYSIS: the name is taken"),
        ({"group": "behavior"}, "its group 'behavior' is unknown; did you mean 'behaviour'"),
        ({"name": "report"}, "^analysis 'report': the page of a run has a part of this name; give it another$"),
        ({"name": "a=b"}, "^analysis 'a=b': a name is made of a-z, 0-9 and _, a letter first; give it another$"),
        ({"builds_on": ("rastr",)}, "builds on 'rastr', which is unknown; did you mean 'raster'"),
    ],
)
def test_what_another_package_gets_wrong_is_one_line_with_its_name(declared, says, installed) -> None:
    declared = their(**declared) if isinstance(declared, dict) else declared
    installed(declared)
    with pytest.raises(UserError, match=says):
        all_analyses()

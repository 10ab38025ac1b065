"""methods.md beside its manifest: every number of it is there, and nothing is said of what was not made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from retinoscope.analyses.declaration import GROUPS
from retinoscope.analyses.methods import cited
from retinoscope.analyses.registry import all_analyses
from retinoscope.testing.said import numbers_not_held
from retinoscope.workflows import AnalysisRun, analyze, rebuild_report
from retinoscope.workflows.run_directory import RunDirectory
from tests.analyses.test_every_analysis import QUICK
from tests.page.reading import Page
from tests.sharing import made_once
from tests.worlds.grid_agents import agent_in, grid_world


@pytest.fixture(scope="module")
def undrawn() -> Iterator[None]:
    """Nothing is drawn: what is written here is text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retinoscope.workflows.analysis_run.write_drawings", lambda *_: [])
        yield


@pytest.fixture(scope="module")
def run(undrawn: None, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> AnalysisRun:
    """Of all groups."""
    names = [each.name for each in GROUPS if each.name != "between_agents"]
    groups = {each.name for each in all_analyses().values() if each.group in names and not each.is_on_request}
    settings = {name: dict(each) for name, each in QUICK.items() if name in groups and name != "shown_images"}
    # Episodes are short here.
    settings["episode_attribution"] |= {"episode": None, "start": 0, "stop": None, "most_decisions": 6}
    agent = agent_in(grid_world(), name="walker")

    def make(folder: Path) -> None:
        analyze(agent, out=folder / "out", frames=200, responses=names, settings=settings)

    made = RunDirectory(made_once(pytestconfig, tmp_path_factory, "methods", make) / "out")
    return AnalysisRun(made.path, made.report, made.manifest())


def test_every_number_is_in_the_manifest(run: AnalysisRun) -> None:
    text = (run.directory / "methods.md").read_text(encoding="utf-8")
    manifest = json.loads((run.directory / "manifest.json").read_text(encoding="utf-8"))
    assert len(re.findall(r"\b\d", text)) > 50
    assert numbers_not_held(text, manifest) == []
    assert "200 decisions" in text and numbers_not_held(text.replace("200 decisions", "201 decisions"), manifest)


def test_what_was_not_made_is_said_and_claimed_nowhere(run: AnalysisRun) -> None:
    text = (run.directory / "methods.md").read_text(encoding="utf-8")
    omitted = run.manifest["omitted"]
    made = [each for each in run.manifest["analyses"] if each["name"] not in omitted]
    assert omitted and made
    sections = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert {each["title"] for each in made} < set(sections)
    for name, reason in omitted.items():
        assert all_analyses()[name].title not in sections
        assert f"- {all_analyses()[name].title}: {reason}." in text


def test_the_papers_are_those_cited(run: AnalysisRun) -> None:
    text = (run.directory / "methods.md").read_text(encoding="utf-8")
    entries = re.findall(r"^@\w+\{(\w+),", (run.directory / "references.bib").read_text(encoding="utf-8"), re.MULTILINE)
    assert entries == sorted(cited(text)) and "stein1981" in entries and "williams2021" not in entries
    assert [each for each in entries if f"- @{each}: " not in text] == []


def test_the_page_leads_to_both_and_a_rebuilt_one_says_the_same(run: AnalysisRun) -> None:
    page = Page(run.report.read_text(encoding="utf-8"))
    downloads = [each["href"] for each in page.attributes("a") if "download" in each]
    assert downloads == ["methods.md", "references.bib"]
    before = (run.directory / "methods.md").read_text(encoding="utf-8")
    rebuild_report(run.directory)
    assert (run.directory / "methods.md").read_text(encoding="utf-8") == before


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    agent = agent_in(grid_world(), name="`<script>` [x](y)")
    made = analyze(agent, out=tmp_path / "out", frames=20, only="simulation")
    text = (made.directory / "methods.md").read_text(encoding="utf-8")
    assert "The agent `<script> [x](y)` (checkpoint" in text

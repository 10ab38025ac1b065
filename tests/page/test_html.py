"""The page of a run: complete, beside its files, and whatever is in a name stays a name."""

from __future__ import annotations

import html
import itertools
import re

import pytest
from PIL import Image

from retinoscope.agents.agent import Agent
from retinoscope.page.html import compact, flatten
from retinoscope.scenarios import ArenaArchive
from retinoscope.workflows import AnalysisRun
from tests.page.reading import Page


@pytest.fixture(scope="module")
def page(finished_run: AnalysisRun) -> Page:
    return Page(finished_run.report.read_text(encoding="utf-8"))


def test_names_and_parameters_are_escaped(page: Page, finished_run: AnalysisRun, agent: Agent) -> None:
    scripts = ["page.js", "explorer/explorer.js", "explorer/data/index.js"]
    assert [each["src"] for each in page.attributes("script")] == scripts and page.attributes("b") == []
    assert page.open == []
    assert agent.name in page.text and "</style><script>" in page.text
    titles = re.findall("<title>(.*?)</title>", finished_run.report.read_text(encoding="utf-8"))
    assert [html.unescape(title).startswith(agent.name) for title in titles] == [True]


def test_it_is_small_and_all_it_needs_lies_beside_it(page: Page, finished_run: AnalysisRun) -> None:
    folder = finished_run.directory
    assert finished_run.report.stat().st_size < 2_000_000
    files = page.files(folder)
    assert all(path.is_file() for path in files)
    shown = [*folder.glob("figures/*"), *folder.glob("movies/*"), folder / "page.css", folder / "page.js"]
    shown += [folder / "explorer" / name for name in ("explorer.css", "explorer.js", "data/index.js")]
    shown += [folder / name for name in ("methods.md", "references.bib")]
    assert {*files} == {*shown}
    assert {path.name for path in files} <= {path.name for path in folder.rglob("*")}


def test_nothing_jumps_when_pictures_come_into_view(page: Page, finished_run: AnalysisRun) -> None:
    folder = finished_run.directory
    images = page.attributes("img")
    assert len(images) == len([*folder.glob("figures/*.png"), *folder.glob("movies/*.png")])
    for each in images:
        with Image.open(folder / str(each["src"])) as image:
            assert (each["width"], each["height"]) == (str(image.width), str(image.height))
        assert each["loading"] == "lazy"
    (video,) = page.attributes("video")
    assert video["preload"] == "none" and "controls" in video and video["src"] == "movies/simulation.mp4"
    still = next(each for each in images if each["src"] == "movies/simulation.png")
    assert (video["width"], video["height"]) == (still["width"], still["height"])


def test_headings_are_in_order(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_every_figure_is_described_for_those_who_do_not_see_it(page: Page) -> None:
    assert all(len(str(each["alt"])) > 12 for each in page.attributes("img"))
    assert all(each["aria-label"] for each in page.attributes("video"))
    assert len({*page.ids}) == len(page.ids)


def test_captions_are_those_of_the_results(page: Page, finished_run: AnalysisRun) -> None:
    captions = {each["caption"] for each in finished_run.manifest["products"] if "caption" in each}
    seen = " ".join(page.text.split()) + " ".join(str(each["alt"]) for each in page.attributes("img"))
    assert len(captions) >= 5
    for caption in captions:
        assert caption in seen


def test_it_says_what_agent_what_arena_and_which_parameters(page: Page, agent: Agent, arena: ArenaArchive) -> None:
    text = " ".join(page.text.split())
    assert "30,000,128 frames" in text and agent.checkpoint_sha256 in text and arena.sha256 in text
    for layer in agent.policy.layers:
        assert re.search(rf"\b{layer.name} {layer.kind}\b", text)
    assert "29 × 29" in text
    assert "blue ▽ harmful, −20 points of health" in text and "red ▲ healing, +20 points of health" in text
    assert "terminated means that the agent died" in text and "one decision every 0.11 s" in text
    assert "health health points" in text and "position position: x, y map units" in text
    assert "network.encoder lindsey" in text
    assert "method gradient" in text and "seed 0" in text


def test_the_manifest_stands_at_the_end(page: Page, finished_run: AnalysisRun) -> None:
    end = page.text[page.text.rindex("Manifest") :]
    for product in finished_run.manifest["products"]:
        assert product["path"] in end


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "yes"),
        (0.0007, "0.0007"),
        (30_000_000.0, "30,000,000"),
        (1_234, "1,234"),
        (-3, "-3"),
        ("elu", "elu"),
        ([1, 2], "1, 2"),
        (list(range(1000)), "1000 values, 0 to 999"),
        ({"conv1": [0, 1], "conv2": [5]}, "conv1: 0, 1; conv2: 5"),
        ({}, "none"),
        ([], ""),
    ],
)
def test_parameters_are_said_in_few_words(value: object, text: str) -> None:
    assert compact(value) == text


def test_nested_parameters_keep_their_path() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": [2]}, "e": 3}) == {"a.b.c": 1, "a.d": [2], "e": 3}

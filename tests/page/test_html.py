"""The page: self-contained, complete, and whatever is in a name stays a name."""

from __future__ import annotations

import base64
import html
import re
from html.parser import HTMLParser

import pytest

from retinoscope.agents.agent import Agent
from retinoscope.page.html import compact, flatten
from retinoscope.scenarios import ArenaArchive
from retinoscope.workflows import AnalysisRun


class Page(HTMLParser):
    """Tags with their attributes, and the text a reader sees."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} is closed where it was not open"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += f"{data} "

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(finished_run: AnalysisRun) -> Page:
    return Page(finished_run.report.read_text(encoding="utf-8"))


def test_names_and_parameters_are_escaped(page: Page, finished_run: AnalysisRun, agent: Agent) -> None:
    assert page.attributes("script") == [] and page.attributes("b") == []
    assert page.open == []
    assert agent.name in page.text and "</style><script>" in page.text
    titles = re.findall("<title>(.*?)</title>", finished_run.report.read_text(encoding="utf-8"))
    assert [html.unescape(title).startswith(agent.name) for title in titles] == [True]


def test_it_holds_all_it_needs(page: Page) -> None:
    links = [
        each.get(name)
        for _, each in page.tags
        for name in ("src", "href", "poster", "srcset", "data")
        if each.get(name)
    ]
    assert links
    assert all(str(link).startswith(("data:", "#")) for link in links)
    style = page.attributes("link")
    assert style == []


def test_it_holds_the_movie_and_every_figure_as_they_are_on_disk(page: Page, finished_run: AnalysisRun) -> None:
    (video,) = page.attributes("video")
    embedded = base64.b64decode(str(video["src"]).removeprefix("data:video/mp4;base64,"))
    assert embedded == (finished_run.directory / "movies" / "simulation.mp4").read_bytes()
    assert "controls" in video and str(video["poster"]).startswith("data:image/png;base64,")
    images = {base64.b64decode(str(each["src"]).partition(",")[2]) for each in page.attributes("img")}
    folder = finished_run.directory
    assert images == {file.read_bytes() for file in [*folder.glob("figures/*.png"), *folder.glob("movies/*.png")]}


def test_every_figure_is_described_for_those_who_do_not_see_it(page: Page) -> None:
    assert all(len(str(each["alt"])) > 20 for each in page.attributes("img"))


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

"""In a real browser, from files: what is picked in one view is followed by all others.

Needs Chromium; see `tests/runs.py` for what happens without.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

import retinoscope
from retinoscope.result import load_result
from retinoscope.rollouts import open_recording
from retinoscope.workflows import AnalysisRun
from tests.page.explorer.browser import Explorer, all_follow, comes_true, row_of

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("nothing_to_complain_of")]

AXE = Path(__file__).parents[3] / "explorer" / "node_modules" / "axe-core" / "axe.min.js"


def test_a_moment_that_is_picked_anywhere_is_shown_everywhere(explorer: Explorer, shipped: Path) -> None:
    explorer.open(shipped, "moment=30&unit=rnn/3")
    views = ("player", "traces", "raster", "embedding", "unit")
    seen = [30]
    picks: list[Callable[[], object]] = [
        lambda: explorer.click_at(explorer.view("traces").locator("canvas").first, 0.6, 0.5),
        lambda: explorer.click_at(explorer.page.locator(".embedding-plot"), 0.5, 0.5),
        lambda: explorer.view("unit").locator("button.strip").nth(2).click(),
        lambda: explorer.page.get_by_role("button", name="Next event").click(),
        lambda: explorer.page.get_by_role("button", name="Previous event").click(),
    ]
    for number, pick in enumerate(picks):
        # Not every moment has a point: between two events that are near each other there may be none.
        all_follow(explorer, pick, views if number < 3 else tuple(each for each in views if each != "embedding"))
        seen.append(row_of(explorer))
        recorded = open_recording(shipped.parent / "recording.zarr")
        episode = next(each for each in recorded.episodes if each.start <= seen[-1] < each.stop)
        frame = explorer.view("player").locator(".player-frame").get_attribute("aria-label") or ""
        assert frame.startswith(f"Frame of episode {episode.index}, decision {seen[-1] - episode.start};")
    assert len(set(seen)) == len(seen)
    happened = np.flatnonzero(recorded.rows(names=("events",))["events"].values.any(axis=1))
    assert seen[-1] in happened and seen[-2] in happened, "events are where they were recorded"


def test_the_raster_picks_moment_and_unit(explorer: Explorer, shipped: Path) -> None:
    explorer.open(shipped, "moment=30&unit=rnn/3")
    raster = explorer.view("raster").locator("canvas").last
    state = all_follow(explorer, lambda: explorer.click_at(raster, 0.7, 0.55), ("player", "traces", "raster", "unit"))
    assert state["moment"] != "30" and state["unit"] != "rnn/3"
    assert explorer.unit_title() == state["unit"]


def test_a_unit_that_is_picked_is_followed(explorer: Explorer, shipped: Path) -> None:
    explorer.open(shipped, "moment=30&unit=rnn/3&view.colour=picked")
    next_unit = explorer.view("unit").get_by_role("button", name="Next unit")
    state = all_follow(explorer, next_unit.click, ("unit", "traces", "raster"))
    assert state["unit"] == "rnn/4"
    colours = explorer.view("embedding").locator("select").nth(1)
    picked = next(text for text in colours.locator("option").all_inner_texts() if "picked" in text)
    colours.select_option(label=picked)
    all_follow(explorer, next_unit.click, ("embedding",))


def test_moments_that_are_selected_anywhere_are_shown_everywhere(explorer: Explorer, shipped: Path) -> None:
    explorer.open(shipped, "moment=30&unit=rnn/3")
    plot = explorer.page.locator(".embedding-plot")

    def lasso() -> None:
        plot.get_by_role("button", name="Lasso").click()
        explorer.drag(plot, [(0.35, 0.3), (0.6, 0.3), (0.6, 0.7), (0.35, 0.7), (0.35, 0.3)])

    state = all_follow(explorer, lasso, ("embedding", "traces", "raster", "unit"))
    assert state["selection"].startswith("points:") and explorer.selected() > 0

    bars = explorer.view("unit").locator(".histogram [role=option]")
    fullest = max(range(bars.count()), key=lambda each: moments_of(bars.nth(each).get_attribute("aria-label")))
    counted = moments_of(bars.nth(fullest).get_attribute("aria-label"))
    state = all_follow(explorer, bars.nth(fullest).click, ("embedding", "traces", "raster", "unit"))
    assert state["selection"].startswith("unit:rnn:3:") and explorer.selected() == counted

    state = all_follow(explorer, select_strips(explorer), ("embedding", "traces", "raster"))
    assert state["selection"].startswith("rows:")


def select_strips(explorer: Explorer) -> Callable[[], None]:
    return explorer.view("unit").get_by_role("button", name="Select these").click


def moments_of(label: str | None) -> int:
    """Of "0.115 to 0.161: 12 moments"."""
    assert label is not None
    return int(label.split(": ")[1].split(" ")[0].replace("\u2009", ""))


def test_a_list_of_examples_is_the_one_that_was_computed(explorer: Explorer, shipped: Path) -> None:
    explorer.open(shipped, "unit=components/1")
    explorer.view("unit").get_by_role("button", name="Select all").first.click()
    explorer.page.wait_for_timeout(300)
    state = explorer.state()
    _, panel, unit, scope, level = state["selection"].split(":")
    assert (panel, unit) == ("dataset_examples", "1")
    found = load_result(shipped.parent / "results" / "dataset_examples.nc").data
    listed = found["listed"].isel(proportion=0).sel(scope=scope, level=level, component=1).values.astype(bool)
    starts = found["first_row"].values[listed]
    steps = load_result(shipped.parent / "results" / "dataset_examples.nc").parameters["steps"]
    assert explorer.selected() == len({row for start in starts for row in range(start, start + steps)})


def test_an_address_opens_what_was_looked_at(explorer: Explorer, shipped: Path) -> None:
    address = "moment=111&selection=rows:20-39,50-54&unit=fc/7&stretch=10-300&view.tab=tables"
    explorer.open(shipped, address)
    assert explorer.selected() == 25
    assert explorer.unit_title() == "fc/7"
    state = explorer.state()
    assert state == {
        "moment": "111",
        "selection": "rows:20-39,50-54",
        "unit": "fc/7",
        "stretch": "10-300",
        "view.tab": "tables",
    }


def test_report_and_explorer_are_two_tabs(explorer: Explorer, shipped: Path) -> None:
    explorer.open(shipped)
    report = explorer.page.locator("#report")
    assert not report.is_visible()
    explorer.page.get_by_role("link", name="Report").first.click()
    report.wait_for(state="visible")
    assert not explorer.page.locator("#explorer").is_visible()
    explorer.page.get_by_role("link", name="Explore", exact=True).click()
    report.wait_for(state="hidden")
    assert explorer.page.locator("#explorer").is_visible()


def test_a_note_goes_out_and_is_read_back(explorer: Explorer, shipped: Path, tmp_path: Path) -> None:
    explorer.open(shipped, "moment=12&selection=rows:10-14&unit=rnn/3&view.tab=notes")
    explorer.page.locator("#note-text").fill('=1+1 "quoted", and so on')
    explorer.page.get_by_role("button", name="Keep this note").click()
    for ending in ("JSON", "CSV"):
        with explorer.page.expect_download() as download:
            explorer.page.get_by_role("button", name=f"Download Notes as {ending}").click()
        path = tmp_path / f"notes.{ending.lower()}"
        download.value.save_as(path)
        (note,) = retinoscope.load_notes(path)
        assert note.text == '=1+1 "quoted", and so on'
        assert note.rows == (10, 11, 12, 13, 14) and note.moments == tuple((0, row) for row in note.rows)
        assert note.unit == "rnn/3"


def test_a_run_with_nothing_but_receptive_fields(explorer: Explorer, finished_run: AnalysisRun) -> None:
    explorer.open(finished_run.report, "unit=conv1/1")
    state = all_follow(explorer, explorer.view("unit").get_by_role("button", name="Next unit").click, ("unit",))
    assert state["unit"] == "conv1/2"
    assert "retinoscope analyze" in explorer.view("embedding").inner_text(), "says what to run"
    all_follow(explorer, lambda: explorer.page.keyboard.press("ArrowRight"), ("player", "traces"))


@pytest.mark.parametrize("name", ["breakout", "arrays"])
def test_anyones_agent_and_anyones_arrays(explorer: Explorer, name: str, request: pytest.FixtureRequest) -> None:
    explorer.open(request.getfixturevalue(name))
    before = explorer.state()
    raster = explorer.view("raster").locator("canvas").last
    state = all_follow(explorer, lambda: explorer.click_at(raster, 0.8, 0.6), ("traces", "raster", "unit"))
    assert state["moment"] != before["moment"]
    all_follow(explorer, select_strips(explorer), ("traces", "raster", "unit"))
    assert explorer.selected() > 0
    assert explorer.page.title() != "1", "no name becomes markup"


def test_what_is_missing_or_cut_short_is_said_in_its_place_and_the_rest_works(
    explorer: Explorer, shipped: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(shipped.parent, tmp_path / "run")
    activity = folder / "explorer" / "data" / "layers" / "rnn"
    for chunk in activity.glob("*.js"):
        chunk.write_bytes(chunk.read_bytes()[:100])
    shutil.rmtree(folder / "explorer" / "data" / "frames")
    explorer.open(folder / "index.html", "moment=300&unit=rnn/3")
    assert comes_true(explorer, lambda: "damaged" in explorer.view("unit").inner_text())
    assert comes_true(explorer, lambda: "missing" in explorer.view("player").inner_text())
    # Not every moment has a point.
    all_follow(explorer, lambda: explorer.page.keyboard.press("Shift+ArrowRight"), ("traces", "embedding"))
    explorer.complaints.clear()  # the browser names the files it did not find


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(explorer: Explorer, scheme: Literal["light", "dark"], shipped: Path) -> None:
    explorer.page.emulate_media(color_scheme=scheme)
    for tab in ("embedding", "images", "tables", "notes"):
        explorer.open(shipped, f"unit=rnn/3&view.tab={tab}")
        explorer.page.wait_for_timeout(1500)
        explorer.page.evaluate(
            AXE.read_text(encoding="utf-8")
        )  # beside the page's own scripts: its policy is not asked
        found = explorer.page.evaluate("axe.run('#explorer', {preload: false})")
        serious = [each for each in found["violations"] if each["impact"] in ("serious", "critical")]
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in serious] == []

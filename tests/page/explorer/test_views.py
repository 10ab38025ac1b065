"""In a real browser, from files: what single views show, keep in the address, and download.

Needs Chromium; see `tests/runs.py` for what happens without.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

import retinoscope
from retinoscope.result import load_result
from tests.page.explorer.browser import Explorer, alike, comes_true, looks, row_of, settled

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("nothing_to_complain_of")]


def test_a_link_keeps_the_zoom_of_the_embedding_and_what_a_table_shows(explorer: Explorer, shipped: Path) -> None:
    explorer.open(shipped, "moment=30&unit=rnn/3")
    plot = explorer.page.locator(".embedding-plot")
    settled(explorer, "embedding")
    plot.hover()
    explorer.page.mouse.wheel(0, -900)
    assert comes_true(explorer, lambda: "view.embedding.zoom" in explorer.state())
    zoomed = settled(explorer, "embedding")
    zoom = explorer.state()["view.embedding.zoom"]
    explorer.open(shipped, f"moment=30&unit=rnn/3&view.embedding.zoom={zoom}")
    assert comes_true(explorer, lambda: alike(looks(explorer, "embedding")[0], zoomed[0]))
    plot.get_by_role("button", name="Show all").click()
    assert "view.embedding.zoom" not in explorer.state()
    explorer.open(shipped, "view.tab=tables&view.table.sort=0-&view.table.find=conv1")
    first = explorer.view("tables").locator("thead th").first
    assert first.get_attribute("aria-sort") == "descending"
    assert explorer.view("tables").get_by_role("searchbox").input_value() == "conv1"


def test_a_checkpoint_that_is_chosen_is_shown_and_stands_in_the_address(explorer: Explorer, shipped: Path) -> None:
    explorer.open(shipped, "moment=30&unit=conv1/3")
    part = explorer.view("unit").locator("details", has_text="During training")
    large = part.locator(".unit-planes").first
    large.scroll_into_view_if_needed()
    frames = load_result(shipped.parent / "results" / "field_movie.nc").data["frames_trained"].values
    assert "checkpoint" not in explorer.state(), "the last one, unasked"
    before = large.screenshot()
    part.get_by_role("button", name="Checkpoint before").click()
    assert explorer.state()["checkpoint"] == str(frames[-2])
    assert comes_true(explorer, lambda: not alike(large.screenshot(), before))
    part.get_by_role("option", name="before training").last.click()
    assert explorer.state()["checkpoint"] == "0"
    explorer.page.wait_for_timeout(500)
    first = large.screenshot()
    explorer.open(shipped, "moment=30&unit=conv1/3&checkpoint=0")
    large.scroll_into_view_if_needed()
    assert comes_true(explorer, lambda: alike(large.screenshot(), first))


def test_an_image_shows_its_attribution_and_what_the_agent_would_do(explorer: Explorer, shipped: Path) -> None:
    explorer.open(shipped, "moment=30&unit=rnn/3&view.tab=images")
    images = explorer.view("images")
    sets = images.locator("select").first
    assert sets.locator("option").count() == 3
    data = load_result(shipped.parent / "results" / "dataset_attribution.nc").data
    images.get_by_role("checkbox").check()
    assert comes_true(explorer, lambda: f"{data.sizes['class']} shown" in images.inner_text())
    for choice in range(3):
        sets.select_option(index=choice)
        images.locator(".cell").first.click()
        assert "view.images.pair" in explorer.state()
        meters = images.locator(".image-large meter")
        values = [float(meters.nth(each).get_attribute("value") or "nan") for each in range(meters.count())]
        assert sum(values) == pytest.approx(len(json.loads(data.attrs["heads"])), abs=0.01)
    sets.select_option(label=next(each for each in sets.locator("option").all_inner_texts() if "Attribution" in each))
    images.locator(".cell").first.click()
    picture = images.locator(".image-large canvas")
    target = images.locator(".image-large select")
    assert comes_true(explorer, lambda: target.locator("option").count() == data.sizes["target"] + 1)
    target.select_option(label="nothing")
    explorer.page.wait_for_timeout(500)
    nothing = picture.screenshot()
    target.select_option(label="value")
    assert comes_true(explorer, lambda: not alike(picture.screenshot(), nothing))


def test_where_there_is_saliency_is_said_and_led_to(explorer: Explorer, shipped: Path) -> None:
    rows = load_result(shipped.parent / "results" / "episode_attribution.nc").data["row"].values
    row = int(rows[-1])
    explorer.open(shipped, f"moment={row + 5}&view.saliency=episode_attribution/value")
    note = explorer.view("player").locator(".saliency-note")
    note.get_by_text(f"No map at this moment; {len(rows)} of 700 moments have one").wait_for()
    assert "--set episode_attribution.episode=" in note.inner_text()
    note.get_by_role("button", name="Previous moment with saliency").click()
    assert row_of(explorer) == row
    note.get_by_text("There is a map at this moment").wait_for()
    explorer.page.keyboard.press("M")
    assert row_of(explorer) == row - 1


@pytest.mark.parametrize("tab", ["embedding", "images", "tables"])
def test_every_view_downloads_what_it_shows(explorer: Explorer, shipped: Path, tmp_path: Path, tab: str) -> None:
    explorer.open(shipped, f"moment=30&unit=rnn/3&selection=rows:10-40&view.tab={tab}")
    explorer.page.wait_for_timeout(1500)
    places = [f".view-{tab}", *([".view-player", ".view-traces", ".view-raster", ".view-unit"] * (tab == "embedding"))]
    found: dict[str, set[str]] = {}
    for place in places:
        for button in explorer.page.locator(f"{place} .view-downloads button").all():
            explorer.page.wait_for_timeout(150)  # the browser lets a page save ten files in a second, and no eleventh
            with explorer.page.expect_download() as download:
                button.click()
            path = tmp_path / download.value.suggested_filename
            download.value.save_as(path)
            found.setdefault(place, set()).add(path.suffix)
            if path.suffix == ".csv":
                rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
                assert len(rows) > 1 and len({len(row) for row in rows}) == 1, path.name
            elif path.suffix == ".png":
                with Image.open(path) as image:
                    assert len(image.convert("RGB").getcolors(1 << 24)) > 5, f"{path.name} is not blank"
            else:
                assert ElementTree.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"
                assert len(list(ElementTree.parse(path).getroot().iter("{http://www.w3.org/2000/svg}text"))) > 1
    every = {".csv", ".png", ".svg"}
    expected = {"tables": {".csv"}, "images": {".csv", ".png"}}.get(tab, every)
    assert found.pop(f".view-{tab}") == expected
    assert found.pop(".view-player", {".csv", ".png"}) == {".csv", ".png"}
    assert all(each == every for each in found.values())


def test_a_notebook_that_is_exported_keeps_it(explorer: Explorer, breakout: Path, tmp_path: Path) -> None:
    """As `jupyter nbconvert --to html` puts the output of a cell into its page."""
    shown = retinoscope.explore(breakout.parent.parent / "recording.zarr", out=breakout.parent)._repr_html_()
    output = f'<div class="jp-RenderedHTMLCommon jp-RenderedHTML jp-OutputArea-output" tabindex="0">\n{shown}\n</div>'
    page = f'<!DOCTYPE html><html><head><meta charset="utf-8"/></head><body class="jp-Notebook">{output}</body></html>'
    (tmp_path / "notebook.html").write_text(page, encoding="utf-8")
    explorer.page.goto((tmp_path / "notebook.html").as_uri())
    frame = explorer.page.frame_locator("iframe")
    frame.locator(".explorer").wait_for()
    explorer.page.wait_for_timeout(500)
    before = frame.locator(".player-frame").screenshot()
    frame.locator(".view-traces .u-over").click()
    assert comes_true(explorer, lambda: not alike(frame.locator(".player-frame").screenshot(), before))
    assert frame.locator(".view-unit canvas").count() > 0

"""The explorer on planted arrays: how long people wait, how much memory the page takes, what writing it costs.

Decisions of two layers (128 and 64 units), frames of 60 x 80 pixels, a value, two variables, two kinds of events, and
an embedding in which every moment is a point. The page is opened from its file in the Chromium that is there, without a
graphics card, and used with mouse and keyboard.

Time is taken inside of the page, from the time stamp of the event. "All views" ends with the frame after the one in
which anything was last drawn or changed, which is one frame too late rather than too early: two frames alone are 33 ms.
Where there is another number than that, it is "second frame": until the second animation frame after the event.

The memory of the page is that of its process, proportional (PSS): typed arrays and pictures are no part of the heap of
JavaScript, which is printed beside it. The most memory of writing is that of its process without mapped files.

Usage: python benchmarks/explorer.py [DECISIONS]
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import _explorer_writing
import numpy as np
from _explorer_writing import HEIGHT, LAYERS, WIDTH, Row, bytes_of, most_of
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from retinoscope.page.html import PAGE

DECISIONS = 100_000
FIRST_MS, MOMENT_MS, COLOUR_MS, LASSO_MS, PAGE_MB = 3000, 50, 150, 500, 500
VIEWS = ("player", "embedding", "unit", "traces", "raster")
REPEATS, LASSOS, MOST_SECONDS = 30, 5, 120

METER = """
(() => {
  const meter = (window.meter = { began: null, second: null, stood: null, isBusy: false, patience: PATIENCE });
  let hasChanged = false;
  const pen = CanvasRenderingContext2D.prototype;
  for (const name of ["putImageData", "drawImage", "clearRect", "fillRect", "fillText", "fill", "stroke"]) {
    const own = pen[name];
    pen[name] = function (...given) {
      hasChanged = true;
      return own.apply(this, given);
    };
  }
  const isShown = ({ target }) => (target.closest ? target : target.parentElement)?.closest(".view, .selection");
  new MutationObserver((changes) => (hasChanged ||= changes.some(isShown))).observe(document, {
    subtree: true, childList: true, attributes: true, characterData: true,
  });
  const frame = () => {
    if (hasChanged) [meter.isBusy, hasChanged] = [true, false];
    else if (meter.isBusy) [meter.isBusy, meter.stood] = [false, performance.now()];
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const begin = (event) => {
    meter.began = event.timeStamp;
    requestAnimationFrame(() => requestAnimationFrame(() => (meter.second = performance.now())));
  };
  for (const kind of ["keydown", "pointerup"]) addEventListener(kind, begin, true);
})();
"""


def main() -> None:
    decisions = int(sys.argv[1]) if len(sys.argv) > 1 else DECISIONS
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, _explorer_writing.__file__, str(decisions), folder]
        written = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows = [*map(tuple, json.loads(written)), *_used(Path(folder) / PAGE, decisions)]
    units = sum(LAYERS.values())
    print(f"{decisions:,} decisions x {units} units, frames of {HEIGHT} x {WIDTH}; load {os.getloadavg()[0]:.1f}")
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _used(path: Path, decisions: int) -> list[Row]:
    """Rows of what people wait for."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise SystemExit("no browser: install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        page.set_default_timeout(120_000)
        page.add_init_script(METER.replace("PATIENCE", str(max(1.0, math.sqrt(decisions / DECISIONS)))))
        page.goto(path.as_uri(), wait_until="commit")
        rows = [_row("first view, all views", [_first(page)], FIRST_MS)]
        page.keyboard.press("Escape")  # the hint
        memory = _memory_of(browser)
        with most_of(memory, 0.2) as most:
            rows += [*_moments(page), *_colours(page), *_lassos(page)]
        rows += _memory(page, memory(), most[0])
        browser.close()
    return rows


def _first(page: Page) -> float:
    page.locator(".explorer").wait_for()
    _settle(page, 2000)
    for name in VIEWS:
        view = page.locator(f".view-{name}")
        if view.locator("canvas, svg").count() == 0 or view.locator(".waiting, .fault").count():
            raise SystemExit(f"{name} has not drawn: {view.inner_text()}")
    return float(page.evaluate("meter.stood"))


def _moments(page: Page) -> list[Row]:
    page.mouse.move(2, 2)
    keys = [_measured(page, lambda: page.keyboard.press("ArrowRight")) for _ in range(REPEATS)]
    plot, draws, jumps = page.locator(".embedding-plot"), random.Random(0), []
    for _ in range(REPEATS):
        page.mouse.move(*_inside(plot, draws.uniform(0.25, 0.75), draws.uniform(0.25, 0.75)))
        _settle(page)
        page.mouse.down()
        jumps.append(_measured(page, page.mouse.up))
    page.mouse.move(2, 2)
    return [
        _row("one decision on, second frame", [second for second, _ in keys], MOMENT_MS),
        _row("  all views", [stood for _, stood in keys], MOMENT_MS),
        _row("a moment clicked in the embedding, second frame", [second for second, _ in jumps], MOMENT_MS),
        _row("  all views", [stood for _, stood in jumps], MOMENT_MS),
    ]


def _colours(page: Page) -> list[Row]:
    """By units of one layer after another: data come in groups of units."""
    view = page.locator(".view-embedding")
    first, again = [], []
    for layer, units in LAYERS.items():
        view.get_by_role("combobox", name="coloured by").select_option(f"unit:{layer}")
        _settle(page, 1000)
        number = view.locator("input[type=number]")
        for unit in range(16, units, 16):
            number.fill(str(unit))
            first.append(_measured(page, lambda: page.keyboard.press("Enter"), 600)[1])
            if f"unit {unit}" not in view.locator(".colour-key").inner_text():
                raise SystemExit("the points have not the colours that they should have")
            again += [_measured(page, lambda: page.keyboard.press("ArrowUp"))[1] for _ in range(3)]
    view.get_by_role("combobox", name="coloured by").select_option("unit")
    _settle(page, 1000)
    page.evaluate("document.activeElement.blur()")
    picked = [_measured(page, lambda: page.keyboard.press("u"), 500)[1] for _ in range(12)]
    return [
        _row("recolouring by a unit at hand", again, COLOUR_MS),
        _row("  the first time", first, COLOUR_MS),
        _row("picking the next unit, all views follow", picked, None),
    ]


def _lassos(page: Page) -> list[Row]:
    plot, took = page.locator(".embedding-plot"), []
    for repeat in range(LASSOS):
        across = 0.48 - 0.05 * repeat
        turns = [2 * math.pi * i / 60 for i in range(60)]
        line = [_inside(plot, 0.5 + across * math.cos(turn), 0.5 + 0.48 * math.sin(turn)) for turn in turns]
        page.keyboard.down("Shift")
        page.mouse.move(*line[0])
        page.mouse.down()
        for place in line[1:]:
            page.mouse.move(*place)
        _settle(page)
        took.append(_measured(page, page.mouse.up, 1000)[1])
        page.keyboard.up("Shift")
        share = re.search(r"selected \(([\d.]+)%\)", page.locator(".selection").inner_text())
        if share is None or float(share[1]) < 30:
            raise SystemExit("the lasso has not selected what it should")
    return [_row("lasso, all views", took, LASSO_MS)]


def _memory_of(browser: Browser) -> Callable[[], int]:
    """What the process of the page takes, bytes: the largest of its kind, for one waits for the next page."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    files = [f"{each['id']}/smaps_rollup" for each in processes if each["type"] == "renderer"]
    largest = max(files, key=lambda file: bytes_of(file, "Pss"))
    return lambda: bytes_of(largest, "Pss")


def _memory(page: Page, now: int, most: int) -> list[Row]:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    kept = "kept" if most <= PAGE_MB * 1e6 else "NOT kept"
    return [
        (
            "memory of the page, at most",
            f"{most / 1e6:.0f} MB",
            f"at the end {now / 1e6:.0f} MB",
            f"<= {PAGE_MB} MB: {kept}",
        ),
        ("  heap of JavaScript in it", f"{metrics['JSHeapUsedSize'] / 1e6:.0f} MB", "", ""),
    ]


def _measured(page: Page, act: Callable[[], object], quiet_ms: int = 250) -> tuple[float, float]:
    """Milliseconds until the second frame, and until everything has been drawn."""
    _settle(page)
    page.evaluate("meter.began = meter.second = meter.stood = null")
    act()
    _settle(page, quiet_ms)
    began, second, stood = page.evaluate("[meter.began, meter.second, meter.stood]")
    return second - began, stood - began


def _settle(page: Page, quiet_ms: int = 150) -> None:
    """Wait until nothing was drawn for so long, of a longer recording longer."""
    until = time.monotonic() + MOST_SECONDS
    # Not by `wait_for_function`, which the page's own policy forbids.
    quiet = f"performance.now() - meter.stood > {quiet_ms} * meter.patience"
    while not page.evaluate(f"meter.stood !== null && !meter.isBusy && {quiet}"):
        if time.monotonic() > until:
            raise SystemExit(f"nothing was drawn, or drawing did not end, for {MOST_SECONDS} s")
        time.sleep(0.05)


def _inside(target: Locator, across: float, down: float) -> tuple[float, float]:
    """Where on the page these shares of its width and height are."""
    box = target.bounding_box()
    if box is None:
        raise SystemExit("the embedding is not shown")
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def _row(what: str, milliseconds: list[float], budget: int | None) -> Row:
    middle, high = float(np.median(milliseconds)), float(np.percentile(milliseconds, 95))
    spread = f"95%: {high:.0f} ms, n = {len(milliseconds)}" if len(milliseconds) > 1 else ""
    kept = "kept" if budget is None or middle <= budget else "NOT kept"
    return what, f"{middle:.0f} ms", spread, "" if budget is None else f"<= {budget} ms: {kept}"


if __name__ == "__main__":
    main()

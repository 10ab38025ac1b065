"""The page of an explorer, open in the browser that is there, from its file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

from tests.runs import find_chromium

WIDTH, HEIGHT = 1280, 900


class Explorer:
    """What a person sees and does.

    Attributes:
        page: of the browser.
        complaints: what the browser wrote to its console, and errors that nothing caught.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: Path, address: str = "") -> None:
        """Open a page; `address` without its #."""
        self.page.goto("about:blank")
        self.page.goto(path.resolve().as_uri() + (f"#{address}" if address else ""))
        self.page.locator(".explorer").wait_for()
        self.page.keyboard.press("Escape")  # the first-time hint

    def state(self) -> dict[str, str]:
        """What the address says, once it has settled."""
        self.page.wait_for_timeout(350)
        hash_ = str(self.page.evaluate("location.hash")).removeprefix("#")
        return {name: values[0] for name, values in parse_qs(hash_).items()}

    def view(self, name: str) -> Locator:
        """A view by its name."""
        return self.page.locator(f".view-{name}")

    def selected(self) -> int:
        """How many moments are selected."""
        text = self.page.locator(".selection").inner_text()
        found = re.match(r"([\d\u2009]+) moments? selected", text.strip())
        return int(found[1].replace("\u2009", "")) if found else 0

    def unit_title(self) -> str:
        """Layer and number of the unit that is shown."""
        layer = self.view("unit").locator("select").first.input_value()
        return f"{layer}/{self.view('unit').locator('input').first.input_value()}"

    def click_at(self, target: Locator, across: float, down: float, **options: object) -> None:
        """Click inside of something, at these shares of its width and height."""
        box = target.bounding_box()
        assert box is not None
        self.page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"], **options)  # type: ignore[arg-type]

    def drag(self, target: Locator, points: list[tuple[float, float]]) -> None:
        """Press, move along, and let go; points as shares of width and height."""
        box = target.bounding_box()
        assert box is not None
        places = [(box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=3)
        self.page.mouse.up()


def looks(explorer: Explorer, *names: str) -> list[bytes]:
    explorer.page.mouse.move(2, 2)
    explorer.page.wait_for_timeout(400)
    return [explorer.view(name).screenshot() for name in names]


def alike(first: bytes, second: bytes) -> bool:
    """Whether two pictures show the same: the browser draws a corner now and then one grey level brighter."""
    one, other = (np.asarray(Image.open(BytesIO(each)).convert("RGB"), np.int16) for each in (first, second))
    return one.shape == other.shape and int(np.abs(one - other).max()) <= 2


def comes_true(explorer: Explorer, condition: Callable[[], bool]) -> bool:
    """Whether it becomes true within half a minute: a busy machine draws late.

    Not by `assert`ing two pictures to be equal, which would write out all their bytes.
    """
    for _ in range(100):
        if condition():
            return True
        explorer.page.wait_for_timeout(300)
    return False


def settled(explorer: Explorer, *names: str) -> list[bytes]:
    """How views look once they change no more."""
    seen = [looks(explorer, *names)]

    def stays() -> bool:
        seen.append(looks(explorer, *names))
        return all(map(alike, seen[-1], seen[-2]))

    assert comes_true(explorer, stays), f"{', '.join(names)} keep changing, at {explorer.state()}"
    return seen[-1]


def all_follow(explorer: Explorer, pick: Callable[[], object], views: tuple[str, ...]) -> dict[str, str]:
    """Do something in one view, and see that these views look different afterwards."""
    before = looks(explorer, *views)
    pick()
    still = set(views)

    def changed() -> bool:
        still.difference_update(
            name for name, old, new in zip(views, before, looks(explorer, *views), strict=True) if not alike(old, new)
        )
        return not still

    assert comes_true(explorer, changed), f"{', '.join(sorted(still))} look as before, at {explorer.state()}"
    return explorer.state()


def row_of(explorer: Explorer) -> int:
    return int(explorer.state()["moment"])


@contextmanager
def browsing() -> Iterator[Explorer]:
    """A window of the browser until the `with` block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.set_default_timeout(30_000)
            yield Explorer(page)
        finally:
            browser.close()

"""The page in a real browser: it loads what is seen, nothing on it is blocked, and the movie plays.

Needs Chromium; see `conftest.py` for what happens without.
"""

from __future__ import annotations

import functools
import json
import queue
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from retinoscope.figures.simulation import simulation_frames, view_position
from retinoscope.page.pages import write_pages
from retinoscope.page.single_file import render_single_file
from retinoscope.result import load_result
from retinoscope.workflows import AnalysisRun
from tests.page.planted import picture, planted_run
from tests.runs import FRAMES, find_chromium

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1280,2400",
]

# Put into a copy of the page, whose policy forbids scripts, to have the browser tell what it has made of it.
PROBE = """<script>
const video = document.querySelector("video"), noted = {};
const tell = () => fetch("/noted", {method: "POST", body: JSON.stringify(noted)});
video.addEventListener("error", () => { noted.error = video.error.message; tell(); });
video.addEventListener("seeked", () => {
  const sheet = Object.assign(document.createElement("canvas"), {width: video.videoWidth, height: video.videoHeight});
  const context = sheet.getContext("2d");
  context.drawImage(video, 0, 0);
  noted.pixels = POINTS.map(([x, y]) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3));
  tell();
});
window.addEventListener("load", async () => {
  for (const image of document.images) image.loading = "eager";
  await Promise.all([...document.images].map(image => image.decode()));
  noted.images = [...document.images].every(image => image.complete && image.naturalWidth > 0);
  noted.overflow = document.documentElement.scrollWidth > document.documentElement.clientWidth;
  const seek = () => {
    Object.assign(noted, {duration: video.duration, width: video.videoWidth, height: video.videoHeight});
    video.currentTime = TIME;
  };
  noted.poster = video.poster === document.querySelector(".movie img").src;
  video.preload = "auto";
  video.readyState >= video.HAVE_METADATA ? seek() : video.addEventListener("loadedmetadata", seek);
});
</script></body>"""


class Desk(ThreadingHTTPServer):
    """Gives the browser a folder, on loopback, and takes down what is asked for and what the page tells."""

    def __init__(self, folder: Path, page: str | None = None) -> None:
        """`page` stands for what is in the folder, if given."""
        super().__init__(("127.0.0.1", 0), functools.partial(DeskHandler, directory=str(folder)))
        self.page = page
        self.asked: list[str] = []
        self.told: queue.Queue[dict[str, Any]] = queue.Queue()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class DeskHandler(SimpleHTTPRequestHandler):
    server: Desk

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.page is None:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.server.page.encode())

    def do_POST(self) -> None:
        self.server.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(folder: Path, page: str | None = None) -> Iterator[Desk]:
    """The folder, or the page, served until the `with` block ends."""
    with Desk(folder, page) as desk:
        threading.Thread(target=desk.serve_forever, daemon=True).start()
        try:
            yield desk
        finally:
            desk.shutdown()


@contextmanager
def open_in_chromium(address: str, folder: Path) -> Iterator[None]:
    """A page, open in a browser until the `with` block ends."""
    command = [*chromium_command(folder), "--remote-debugging-port=0", address]  # what it tells there nobody asks
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        browser.terminate()
        browser.wait(60)


def chromium_command(folder: Path) -> list[str]:
    """The browser, with a profile of its own that is thrown away with the folder."""
    return [find_chromium() or "chromium", *FLAGS, f"--user-data-dir={folder / 'profile'}"]


def chromium(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Let the browser do one thing and end."""
    command = [*chromium_command(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def test_the_movie_plays_and_shows_the_frames_that_were_composed(finished_run: AnalysisRun, tmp_path: Path) -> None:
    result = load_result(finished_run.directory / "results" / "simulation.nc")
    rate = result.data.attrs["movie_rate"]
    number = 40
    frame = next(islice(simulation_frames(result), number, None))
    top, left, factor = view_position(result)
    blocks = [
        (left + factor * x + factor // 2, top + factor * y + factor // 2) for x in (8, 40, 72) for y in (5, 30, 55)
    ]
    points = [(2, 2), *blocks]
    page = render_single_file(finished_run.manifest, finished_run.directory)
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    probe = PROBE.replace("TIME", str((number + 0.5) / rate)).replace("POINTS", str([list(point) for point in points]))
    page = page.replace("</body>", probe)
    with serving(tmp_path, page) as desk, open_in_chromium(desk.address, tmp_path):
        noted = desk.told.get(timeout=120)
    assert noted["images"] and noted["poster"] and "error" not in noted
    assert not noted["overflow"], "something is wider than the window"
    assert noted["duration"] == pytest.approx(FRAMES / rate, abs=0.1)
    assert (noted["height"], noted["width"]) == frame.shape[:2]
    expected = np.array([frame[y, x] for x, y in points], float)
    assert np.abs(np.array(noted["pixels"]) - expected).mean() < 12


@pytest.mark.parametrize("name", ["index.html", "single-file.html"])
def test_nothing_on_the_page_is_blocked_and_no_other_script_runs(
    name: str, finished_run: AnalysisRun, tmp_path: Path
) -> None:
    shutil.copytree(finished_run.directory, tmp_path / "a run")
    write_pages(finished_run.manifest, tmp_path / "a run", single_file=True, explorer=True)
    arguments = ("--enable-logging=stderr", "--virtual-time-budget=5000", f"--screenshot={tmp_path / 'page.png'}")
    done = chromium(tmp_path, *arguments, (tmp_path / "a run" / name).as_uri())
    assert "CONSOLE" not in done.stderr, "the browser complains"
    with Image.open(tmp_path / "page.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape == (2400, 1280, 3)
    assert len(np.unique(pixels[::4, ::4].reshape(-1, 3), axis=0)) > 500, "the page is not blank"


def asked_for(folder: Path, place: str, last: str) -> list[str]:
    """What an open page asks for, until `last` and then nothing for two seconds."""
    # A browser told to take a picture and to end would load everything at once: it has to be one that stays open.
    with serving(folder) as desk, open_in_chromium(desk.address + place, folder):
        until, seen = time.monotonic() + 90, -1
        while time.monotonic() < until and (last not in desk.asked or seen < len(desk.asked)):
            seen = len(desk.asked)
            time.sleep(2)
        return list(desk.asked)


def test_only_what_is_near_the_view_is_asked_for(tmp_path: Path) -> None:
    figure = picture()
    manifest = planted_run(tmp_path, {f"{number:02d}": figure for number in range(40)}, {"a": 1_000, "b": 1_000})
    write_pages(manifest, tmp_path)
    for place, last in (("", "/movies/a.png"), ("index.html#agent", "/figures/39.png")):
        asked = asked_for(tmp_path, place, last)
        assert {f"/{place.partition('#')[0]}", "/page.css", "/page.js", last} <= {*asked}
        assert len({*asked}) == len(asked), "nothing is asked for twice"
        assert len([path for path in asked if path.startswith("/figures/")]) < 20
        assert not any(path.endswith((".mp4", ".pdf", ".ico")) for path in asked)


STUB = """document.addEventListener("DOMContentLoaded", () => {
  const seen = id => getComputedStyle(document.getElementById(id)).display !== "none";
  const now = () => ["tabs", "report"].filter(seen).join(" ");
  const states = [now()];
  document.getElementById("explorer").append("a view");
  states.push(now());
  document.body.classList.add("is-exploring");
  states.push(now());
  fetch("page.css").catch(() => { document.body.dataset.states = states.join("; ") + "; no network"; });
});"""


def test_the_explorer_takes_the_page_and_gives_it_back(tmp_path: Path) -> None:
    write_pages(planted_run(tmp_path), tmp_path, explorer=True)
    page = (tmp_path / "index.html").as_uri()
    without = chromium(tmp_path, "--virtual-time-budget=2000", "--dump-dom", page).stdout
    assert "<h1>mine in planted</h1>" in without, "what does not load takes nothing away"
    (tmp_path / "explorer").mkdir()
    (tmp_path / "explorer" / "explorer.js").write_text(STUB, encoding="utf-8")
    seen = chromium(tmp_path, "--virtual-time-budget=2000", "--dump-dom", page).stdout
    assert 'data-states="report; tabs report; tabs; no network"' in seen


def test_in_print_a_frame_stands_for_the_movie(finished_run: AnalysisRun, tmp_path: Path) -> None:
    chromium(tmp_path, f"--print-to-pdf={tmp_path / 'page.pdf'}", finished_run.report.as_uri())
    content = (tmp_path / "page.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    poster = next(finished_run.directory.glob("movies/*.png"))
    with Image.open(poster) as image:
        assert f"/Width {image.width}".encode() in content and f"/Height {image.height}".encode() in content

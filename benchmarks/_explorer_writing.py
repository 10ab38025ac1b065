"""A planted recording, its embedding, and what writing an explorer of them takes, in a process of its own.

Usage: python benchmarks/_explorer_writing.py DECISIONS FOLDER, which `explorer.py` does.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from retinoscope.page.explorer.pages import explorer_page
from retinoscope.page.explorer.writing import write_explorer
from retinoscope.page.html import PAGE
from retinoscope.result import Result
from retinoscope.rollouts import ArrayRecording

LAYERS, EPISODE, HEIGHT, WIDTH = {"fc": 128, "rnn": 64}, 1000, 60, 80
Row = tuple[str, str, str, str]
"""Of the table: what, how much, more of it, its budget."""


def main() -> None:
    """Write the page, and print rows of the table as JSON."""
    decisions, folder = int(sys.argv[1]), Path(sys.argv[2])
    recording, result = planted(decisions, folder)
    with most_of(lambda: bytes_of("self/status", "RssAnon"), 0.02) as most:
        processor, wall = time.process_time(), time.perf_counter()
        write_explorer(folder, recording=recording, results={"embedding": result}, title="planted")
        (folder / PAGE).write_text(explorer_page("planted"), encoding="utf-8")
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
    files = [each for each in (folder / "explorer").rglob("*") if each.is_file()]
    size = sum(each.stat().st_size for each in files)
    rows: list[Row] = [
        ("writing", f"{wall:.1f} s", f"{processor:.1f} s of processor", ""),
        ("  most memory", f"{most[0] / 1e6:.0f} MB", "", ""),
        ("  on disk", f"{size / 1e6:.0f} MB", f"{len(files):,} files", ""),
    ]
    print(json.dumps(rows))


def planted(decisions: int, folder: Path) -> tuple[ArrayRecording, Result]:
    """A recording whose layers lie in files, and the embedding of all of its moments.

    Args:
        decisions: rows.
        folder: of the files.
    """
    draws = np.random.default_rng(0)
    # A state that wanders from one of twelve places to another.
    places = draws.normal(size=(12, 6))
    stays = draws.integers(20, 80, size=decisions // 20 + 1)
    visited = np.repeat(draws.integers(0, len(places), len(stays)), stays)[:decisions]
    weights = {name: draws.normal(size=(6, units)) for name, units in LAYERS.items()}
    paths = {name: folder / f"{name}.npy" for name in LAYERS}
    files = {
        name: np.lib.format.open_memmap(paths[name], "w+", np.float32, (decisions, units))
        for name, units in LAYERS.items()
    }
    states = np.empty((decisions, 6), np.float32)
    for start in range(0, decisions, 50_000):
        here = slice(start, min(start + 50_000, decisions))
        states[here] = places[visited[here]] + 0.25 * draws.normal(size=(here.stop - start, 6))
        for name, file in files.items():
            driven = states[here] @ weights[name]
            file[here] = np.tanh(driven) if name == "rnn" else np.maximum(driven, 0)
    events = np.stack([draws.random(decisions) < share for share in (0.01, 0.004)], axis=1).astype(np.int16)
    arrays: dict[str, Any] = {
        **paths,
        "value": states[:, 0],
        "fuel": states[:, 1] * 10,
        "speed": np.abs(states[:, 2]),
        "events": events,
    }
    # Every frame is the one before it, moved by a pixel, and takes no memory of its own.
    at = np.arange(3 * decisions + 3 * HEIGHT * WIDTH)
    pixels = (128 + 60 * np.sin(at / 40) + 50 * np.sin(at / 777)).astype(np.uint8)
    shape, strides = (decisions, HEIGHT, WIDTH, 3), (3, 3 * WIDTH, 3, 1)
    arrays["observation"] = np.lib.stride_tricks.as_strided(pixels, shape, strides, writeable=False)
    lengths = [EPISODE] * (decisions // EPISODE) or [decisions]
    recording = ArrayRecording(
        arrays,
        layers=list(LAYERS),
        roles={"fc": "encoder output", "rnn": "memory"},
        events={"charger": 1.0, "pothole": -1.0},
        episode_lengths=lengths,
        name="planted",
    )
    of_layer = {each: ("layer", np.full(1, np.nan)) for each in ("kept", "kept_chance", "time_share")}
    data = xarray.Dataset(
        {
            "embedding": (("layer", "point", "axis"), (states[:, :2] + 0.1 * states[:, 2:4])[None]),
            "row": ("point", np.arange(decisions)),
            **of_layer,
        },
        coords={"layer": ["rnn"]},
        attrs={"caption": "Planted.", "evidence": ""},
    )
    return recording, Result("embedding", data, {"neighbours": 10})


@contextmanager
def most_of(bytes_now: Callable[[], int], seconds: float) -> Iterator[list[int]]:
    """Yield a list whose number becomes the most that was seen, looked at every so many seconds."""
    most, is_over = [0], threading.Event()

    def look() -> None:
        while not is_over.wait(seconds):
            most[0] = max(most[0], bytes_now())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield most
    finally:
        is_over.set()
        watcher.join()


def bytes_of(file: str, name: str) -> int:
    """A number out of a file of /proc."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc", file).read_text(encoding="ascii"), re.MULTILINE)
    if found is None:
        raise SystemExit(f"/proc/{file} says no {name}: this benchmark needs Linux")
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()

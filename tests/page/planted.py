"""A run made of nothing but files and a manifest, for what a page makes of them."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from retinoscope.agents.agent import Agent
from retinoscope.page.description import describe_agent, describe_world
from retinoscope.testing import planted_inputs
from tests.synthetic import small_policy

HOSTILE = "a\"><script>alert(1)</script>&#x27;'%41#?"
"""A name that is one only if it is escaped wherever it stands, and a path only if it is quoted."""


def picture(width: int = 1200, height: int = 656) -> bytes:
    """A PNG file of this size, in pixels."""
    file = io.BytesIO()
    Image.effect_noise((width, height), 40).resize((width, height)).quantize(8).save(file, "png")
    return file.getvalue()


def planted_run(
    folder: Path,
    figures: Mapping[str, bytes] | None = None,
    movies: Mapping[str, int] | None = None,
    tables: Mapping[str, str] | None = None,
    texts: Mapping[str, str] | None = None,
    **manifest: Any,
) -> dict[str, Any]:
    """Write the files, and return a manifest that lists them; all are of one analysis.

    Args:
        folder: where.
        figures: PNG files, by name.
        movies: how many bytes each has; they do not play, but have a frame that stands for them.
        tables: CSV files.
        texts: text files.
        **manifest: what else it says.
    """
    recording = planted_inputs("no memory").recording
    assert recording is not None
    products: list[dict[str, Any]] = []

    def add(kind: str, path: str, content: bytes, **parameters: Any) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        title = f"The {kind} {Path(path).stem}"
        entry = {"analysis": "planted", "kind": kind, "path": path, "seconds": 0.1, "parameters": parameters}
        products.append({**entry, "title": title, "caption": f"What {title} shows.", "says_caption": False})

    add("result", "results/planted.nc", b"")
    for name, content in (figures or {}).items():
        add("figure", f"figures/{name}.png", content)
        add("figure", f"figures/{name}.pdf", b"%PDF")
    for name, size in (movies or {}).items():
        add("movie", f"movies/{name}.mp4", random.Random(0).randbytes(size), width=640, height=480)
        add("poster", f"movies/{name}.png", picture(640, 480), frame=1)
    for name, rows in (tables or {}).items():
        add("table", f"tables/{name}.csv", rows.encode())
    for name, text in (texts or {}).items():
        add("text", f"{name}.txt", text.encode())
    return {
        "agent": json.loads(json.dumps(describe_agent(Agent("mine", small_policy())))),
        "world": describe_world(recording.world),
        "options": {"frames": 10, "seed": 0, "device": "cpu"},
        "versions": {},
        "seconds": 1.0,
        "analyses": [{"name": "planted", "title": "Planted", "group": "behaviour"}],
        "omitted": {},
        "products": products,
        **manifest,
    }

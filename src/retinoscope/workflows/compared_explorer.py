"""The explorer of a comparison: two agents at the same moment or image, what was recorded, and all tables."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retinoscope.page.explorer.pages import explorer_page
from retinoscope.page.explorer.writing import EXPLORER, write_explorer
from retinoscope.page.products import Product
from retinoscope.workflows.explored import SavedResults, not_made_of
from retinoscope.workflows.run_directory import RunDirectory

EXPLORE = "explore.html"
"""What its page is called in the directory of a comparison."""

_ADVICE = "This is a page of a comparison; retinoscope analyze makes one of this agent"


def write_compared_explorer(directory: RunDirectory, manifest: Mapping[str, Any]) -> list[Product]:
    """Write explorer/ and its page into `unfinished`.

    Args:
        directory: of the comparison; Results and recordings are in `unfinished`, or where they were.
        manifest: `products` listed; `explored` is the path of the recording whose moments are shown, or None.
    """
    from retinoscope.rollouts import open_recording

    began = time.monotonic()

    def found(path: str) -> Path:
        return next(
            (place for folder in (directory.unfinished, directory.path) if (place := folder / path).exists()),
            directory.path / path,
        )

    explored = manifest.get("explored")
    recording = open_recording(found(explored)) if explored and found(explored).is_dir() else None
    title = " · ".join(dict.fromkeys(each["run"] for each in manifest["members"]))
    by = "" if recording is None else f" Moments are those that {recording.attributes['agent']} played."
    write_explorer(
        directory.unfinished,
        recording=recording,
        results=SavedResults([found(each["path"]) for each in manifest["products"] if each["kind"] == "result"]),
        title=title,
        subtitle=f"{len(manifest['members'])} agents compared.{by}",
        not_made=not_made_of(manifest),
        advice=dict.fromkeys(("points", "order", "unit_pictures", "unit_curves", "unit_numbers"), _ADVICE)
        | dict.fromkeys(("examples", "saliency", "images", "recording"), _ADVICE),
    )
    page = explorer_page(title)
    (directory.unfinished / EXPLORE).write_text(page, encoding="utf-8")
    seconds = time.monotonic() - began
    return [Product("explorer", "explorer", EXPLORER, seconds), Product("explorer", "explorer", EXPLORE, 0.0)]

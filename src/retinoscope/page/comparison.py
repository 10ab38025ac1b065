"""The page of a comparison: agents beside each other, and what was found between them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from retinoscope.page.html import HERE, PAGE, POLICIES, SCRIPT, STYLE, page_templates, section_of
from retinoscope.page.products import Product
from retinoscope.page.rendering import policy


def write_comparison(manifest: Mapping[str, Any], folder: Path) -> list[Product]:
    """Write index.html, with its style sheet and script, into `folder`.

    Args:
        manifest: as `compare` writes it, `products` listed.
        folder: where the paths of the products lead from.
    """
    began = time.monotonic()
    omitted = manifest.get("omitted", {})
    page = (
        page_templates()
        .get_template("comparison.html")
        .render(
            title=" · ".join(dict.fromkeys(each["run"] for each in manifest["members"])),
            members=manifest["members"],
            stimuli=manifest["stimuli"],
            options=manifest["options"],
            versions=manifest["versions"],
            seconds=manifest["seconds"],
            sections=[section_of(each, manifest["products"], folder, quote, omitted) for each in manifest["analyses"]],
            products=manifest["products"],
            pages=(PAGE, STYLE, SCRIPT),
            is_one_file=False,
            policy=policy(POLICIES["report"]),
        )
    )
    (folder / PAGE).write_text(page, encoding="utf-8")
    for name in (STYLE, SCRIPT):
        shutil.copyfile(HERE / name, folder / name)
    return [
        Product("report", "report", PAGE, time.monotonic() - began),
        Product("report", "style", STYLE, 0.0),
        Product("report", "script", SCRIPT, 0.0),
    ]

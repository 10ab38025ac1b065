"""The pages of a run, written beside their figures and movies."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retinoscope.page.html import HERE, PAGE, SCRIPT, SINGLE_FILE, STYLE, render_report
from retinoscope.page.products import Product
from retinoscope.page.single_file import render_single_file


def write_pages(
    manifest: Mapping[str, Any], folder: Path, *, single_file: bool = False, explorer: bool = False
) -> list[Product]:
    """Write index.html, with its style sheet and script, into `folder`.

    Args:
        manifest: as `analyze` writes it, `products` listed.
        folder: where the paths of the products lead from.
        single_file: write single-file.html too.
        explorer: the page begins with the explorer, whose files are in explorer/.
    """
    began = time.monotonic()
    names = (PAGE, STYLE, SCRIPT, *([SINGLE_FILE] if single_file else []))
    page = render_report(manifest, folder, explorer=explorer, pages=names)
    (folder / PAGE).write_text(page, encoding="utf-8")
    products = [Product("report", "report", PAGE, time.monotonic() - began)]
    products += [Product("report", "style", STYLE, 0.0), Product("report", "script", SCRIPT, 0.0)]
    for name in (STYLE, SCRIPT):
        shutil.copyfile(HERE / name, folder / name)
    if single_file:
        began = time.monotonic()
        (folder / SINGLE_FILE).write_text(render_single_file(manifest, folder, explorer=explorer), encoding="utf-8")
        products.append(Product("report", "single file", SINGLE_FILE, time.monotonic() - began))
    return products

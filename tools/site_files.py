"""Files that pages of docs/ link to and that lie outside of it become part of the site, under `source/`.

A hook of MkDocs (mkdocs.yml). What a page links to as `../examples/x.py` is copied, so that the site is whole without
the repository; a folder is listed by its README or its files.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = ("ARCHITECTURE.md", "CHANGELOG.md")
OUTSIDE = re.compile(r"\]\(\.\./([^)#\s]+)")
FROM_ROOT = re.compile(r"\]\((?!https?:|#|mailto:)([^)\s]+)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add what is linked to from docs/, and the pages that lie beside it."""
    linked: set[str] = set()
    for page in (ROOT / "docs").glob("*.md"):
        linked |= set(OUTSIDE.findall(page.read_text(encoding="utf-8")))
    for path in sorted(linked):
        if (ROOT / path).is_dir():
            names = sorted(each.name for each in (ROOT / path).iterdir() if each.is_file())
            text = f"# {path}\n\n" + "\n".join(f"- [{name}]({name})" for name in names) + "\n"
            files.append(File.generated(config, f"source/{path}/index.md", content=text))
            for name in names:
                files.append(File.generated(config, f"source/{path}/{name}", abs_src_path=str(ROOT / path / name)))
        elif not path.endswith(".md"):
            files.append(File.generated(config, f"source/{path}", abs_src_path=str(ROOT / path)))
    for name in PAGES:
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, f"source/{name}", content=FROM_ROOT.sub(_from_the_root, text)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links that lead out of docs/ lead to the copies."""
    if page.file.src_uri.startswith("source/"):
        return markdown

    def inside(found: re.Match[str]) -> str:
        path = found[1]
        return f"](source/{path}/index.md" if (ROOT / path).is_dir() else f"](source/{path}"

    return OUTSIDE.sub(inside, markdown)


def _from_the_root(found: re.Match[str]) -> str:
    """A link of a page at the root of the repository, as one of a page in source/."""
    path = found[1]
    return f"](../{path.removeprefix('docs/')})" if path.startswith("docs/") else f"]({path})"

"""Pictures of docs/gallery.md, of real runs of the shipped agent: every figure and movie that an analysis draws.

python tools/draw_gallery.py build/gallery

Runs that the folder already holds are not made again, so that a single analysis can be drawn anew: change its settings in
tools/gallery.yaml and call this once more. What pictures there are and how wide they are shown is said in the same file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from retinoscope.analyses.registry import all_analyses

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "images" / "gallery"
WORDS = ROOT / "tools" / "gallery.yaml"
CAPTIONS = "captions.json"


def runs(words: dict[str, Any]) -> dict[str, list[str]]:
    """Name of a run in the folder -> the arguments that make it."""
    settings = words["settings"]
    names = [each.name for each in all_analyses().values() if each.name in words["analyses"]]
    compared = [name for name in names if all_analyses()[name].of == "compared"]
    others = [name for name in names if name not in compared]
    made = {"twin": words["twin"].split(), "run": words["run"].split(), "comparison": words["comparison"].split()}
    made["run"] += ["--only", ",".join(others), *_assigned(settings, compared, False)]
    made["comparison"] += ["--only", ",".join(compared), *_assigned(settings, compared, True)]
    return made


def _assigned(settings: dict[str, Any], compared: list[str], of_comparison: bool) -> list[str]:
    chosen = [each for each in settings if (each.split(".")[0] in compared) is of_comparison]
    return [word for each in chosen for word in ("--set", f"{each}={settings[each]}")]


def main() -> None:
    """Make the runs and write the pictures with their captions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="for the runs, some hundred MB")
    parser.add_argument("--only-pictures", action="store_true", help="of runs that are there")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    words = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    if not given.only_pictures:
        for arguments in runs(words).values():
            subprocess.run([sys.executable, "-m", "retinoscope", *arguments], cwd=given.folder, check=True)
    draw(words, given.folder)


def draw(words: dict[str, Any], folder: Path) -> None:
    """Write every picture that the page shows, and what the runs say of them."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    said: dict[str, dict[str, str]] = {}
    entries: dict[str, tuple[Path, dict[str, Any]]] = {}
    for run in ("run", "comparison"):
        manifest = json.loads((folder / run / "manifest.json").read_text(encoding="utf-8"))
        for each in manifest["products"]:
            path = Path(each["path"])
            if each["kind"] in ("figure", "poster") and path.suffix == ".png":
                entries[path.stem] = (folder / run / path, each)
    titles = {}
    for run in ("run", "comparison"):
        manifest = json.loads((folder / run / "manifest.json").read_text(encoding="utf-8"))
        titles |= {Path(each["path"]).stem: each for each in manifest["products"] if each.get("caption")}
    for figures in (each["figures"] for each in words["analyses"].values()):
        for name, figure in figures.items():
            stem = figure.get("file", name)
            picture = Image.open(entries[stem][0]).convert("RGB")
            width = min(figure.get("width", 900), picture.width)
            height = round(picture.height * width / picture.width)
            small = picture.resize((width, height), Image.Resampling.LANCZOS)
            small.quantize(figure.get("colours", 64), dither=Image.Dither.NONE).save(
                PICTURES / f"{name}.png", optimize=True
            )
            said[name] = {"title": titles[stem]["title"], "caption": titles[stem]["caption"]}
    (PICTURES / CAPTIONS).write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

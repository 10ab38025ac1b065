"""Pictures of docs/gallery.md, of real runs of the shipped agent: every figure and movie that an analysis draws.

python tools/draw_gallery.py build/gallery

A run that the folder already holds is not computed again where nothing changed, so that one analysis can be drawn anew
with other settings. Which pictures there are, how wide they are shown, and the settings stand in tools/gallery.yaml.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import yaml
from PIL import Image

from retinoscope.analyses.registry import all_analyses

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "images" / "gallery"
WORDS = ROOT / "tools" / "gallery.yaml"
CAPTIONS = "captions.json"
_COLOURS, _WIDTH = 80, 760


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
        for name, arguments in runs(words).items():
            if name == "twin" and (given.folder / arguments[-1]).exists():
                continue
            subprocess.run([sys.executable, "-m", "retinoscope", *arguments], cwd=given.folder, check=True)
    draw(words, given.folder)


def draw(words: dict[str, Any], folder: Path, among: Sequence[str] = ("run", "comparison")) -> None:
    """Write every picture that the page shows, and what these runs say of it, the later the better."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    made: dict[tuple[str, str], tuple[Path, dict[str, Any]]] = {}
    for run in among:
        manifest = json.loads((folder / run / "manifest.json").read_text(encoding="utf-8"))
        for each in manifest["products"]:
            path = Path(each["path"])
            if path.suffix in (".png", ".mp4") and each["kind"] in ("figure", "movie"):
                made[each["kind"], path.stem] = folder / run / path, each
    said: dict[str, dict[str, str]] = {}
    for figures in (each["figures"] for each in words["analyses"].values()):
        for name, figure in figures.items():
            path, entry = made["movie" if figure.get("movie") else "figure", figure.get("file", name)]
            _small(_picture(path, figure.get("frame")), figure.get("width", _WIDTH)).save(
                PICTURES / f"{name}.png", optimize=True
            )
            said[name] = {"title": entry["title"], "caption": entry["caption"]}
    for left in set(PICTURES.glob("*.png")) - {PICTURES / f"{name}.png" for name in said}:
        left.unlink()
    (PICTURES / CAPTIONS).write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _picture(path: Path, frame: str | None) -> Image.Image:
    """A figure; of a movie its poster, or the last of its frames."""
    if frame is None:
        return Image.open(path.with_suffix(".png"))
    with av.open(str(path)) as movie:
        *_, last = movie.decode(video=0)
        return last.to_image()


def _small(picture: Image.Image, width: int) -> Image.Image:
    picture = picture.convert("RGB")
    width = min(width, picture.width)
    height = round(picture.height * width / picture.width)
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    # Median cut, the default, would lose the few pixels of a thin coloured line.
    return picture.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()

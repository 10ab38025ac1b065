"""The gallery shows every figure of every analysis, by lines that work.

Running every command of the page would take many minutes, so its lines are tested where their parts are at hand
anyway: here each command is parsed as the shell parses it, its names and settings are looked up as a run does, and its
folder is the one that the lines below it read. Those lines, and that no figure of a Result is left out, are tested on
the Results that other tests make of every analysis (`tests.gallery.check_gallery`).
"""

from __future__ import annotations

import json
import re
import shlex

import pytest
from PIL import Image
from tools.draw_gallery import runs
from tools.write_gallery import PAGE, PICTURES, commands, folder, lines_of_python, page, read_words

import retinoscope
from retinoscope.analyses.declaration import Analysis
from retinoscope.analyses.registry import all_analyses, select_analyses
from retinoscope.workflows.chosen import chosen_parameters, settings_of_assignments
from tests.command_line.commands import all_commands

SHOWN = [
    each
    for each in all_analyses().values()
    if not each.is_shared and each.run.__module__.startswith("retinoscope.") and each.name != "value_by_age"
]
MOST_BYTES = 3_000_000


def test_every_analysis_of_ours_is_shown() -> None:
    assert {each.name for each in SHOWN} == set(read_words()["analyses"])


def test_the_page_is_as_written() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python tools/write_gallery.py`"


@pytest.mark.parametrize("each", SHOWN, ids=lambda each: each.name)
def test_the_command_is_one_and_makes_what_the_lines_below_it_read(each: Analysis) -> None:
    words = read_words()
    program, command, *arguments = shlex.split(commands(each, words))
    assert program == "retinoscope"
    given = all_commands()[command].make_context(command, arguments).params
    assert given["only"] == [each.name] and str(given["out"]) == folder(each)
    assert each in select_analyses(only=given["only"])
    lines = lines_of_python(each, words)
    assert all(hasattr(retinoscope.figures, name) for name in re.findall(r"figures\.(\w+)\(", lines))
    assert f'"{folder(each)}/results/{each.name}.nc"' in lines or not lines


def test_the_settings_of_the_pictures_are_settings() -> None:
    words = read_words()
    for arguments in runs(words).values():
        command, *rest = arguments
        given = all_commands()[command].make_context(command, rest).params
        if command != "train-classifier":
            assigned = settings_of_assignments(given["assignments"])
            chosen_parameters(select_analyses(only=given["only"]), assigned, {}, seed=0)


def test_pictures_are_those_shown_small_and_no_part_of_the_package() -> None:
    names = {name for each in read_words()["analyses"].values() for name in each["figures"]}
    pictures = sorted(PICTURES.glob("*.png"))
    assert {path.stem for path in pictures} == names
    assert names == set(json.loads((PICTURES / "captions.json").read_text(encoding="utf-8")))
    assert sum(path.stat().st_size for path in pictures) <= MOST_BYTES
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.mode == "P" and picture.width <= 800, path.name

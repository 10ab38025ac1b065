"""Settings from Python, from the shell and from a file come to the same parameters, or to the same message."""

from __future__ import annotations

from pathlib import Path

import pytest

from retinoscope.analyses.registry import all_analyses, analysis, select_analyses
from retinoscope.errors import UserError
from retinoscope.settings import describe
from retinoscope.workflows.chosen import (
    SHORTCUTS,
    chosen_parameters,
    joined,
    settings_of_assignments,
    settings_of_file,
)


def test_shell_file_and_python_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("raster:\n  order: euclidean\n  layers: [fc, rnn]\n  splits: 2\nburn_in: {tolerance: 0.1}\n")
    from_file = settings_of_file(file)
    assignments = ("raster.order=euclidean", "raster.layers=fc,rnn", "raster.splits=2", "burn_in.tolerance=0.1")
    from_shell = settings_of_assignments(assignments)
    in_python = {
        "raster": {"order": "euclidean", "layers": ("fc", "rnn"), "splits": 2},
        "burn_in": {"tolerance": 0.1},
    }
    run = select_analyses(only="raster")
    found = [chosen_parameters(run, each, {}, seed=3) for each in (from_file, from_shell, in_python)]
    assert found[0] == found[1] == found[2]
    assert found[0]["raster"].seed == 3 and found[0]["raster"].layers == ("fc", "rnn")


def test_the_shell_counts_above_the_file() -> None:
    assert joined({"raster": {"splits": 2, "order": "cosine"}}, {"raster": {"splits": 5}}) == {
        "raster": {"splits": 5, "order": "cosine"}
    }


def test_a_seed_of_its_own_counts_above_that_of_the_run() -> None:
    found = chosen_parameters(select_analyses(only="raster"), {"raster": {"seed": 9}}, {}, seed=3)
    assert (found["raster"].seed, found["burn_in"].seed) == (9, 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("raster", "write ANALYSIS.PARAMETER=VALUE"),
        ("raster.order", "write ANALYSIS.PARAMETER=VALUE"),
        ("order=cosine", "write ANALYSIS.PARAMETER=VALUE"),
        ("rastr.order=cosine", "analysis 'rastr': unknown; did you mean 'raster'"),
        ("raster.oder=cosine", "raster: there is no parameter 'oder'; did you mean 'order'"),
    ],
)
def test_assignments_that_say_nothing_are_refused(text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        settings_of_assignments([text])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("raster: [1, 2", "is no YAML"),
        ("- raster", "holds no settings"),
        ("raster: cosine", "holds no settings"),
        ("rastr: {order: cosine}", "did you mean 'raster'"),
        ("raster: {oder: cosine}", "did you mean 'order'"),
    ],
)
def test_files_that_say_nothing_are_refused(content: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(content)
    with pytest.raises(UserError, match=says):
        settings_of_file(file)
    with pytest.raises(UserError, match="cannot be read"):
        settings_of_file(tmp_path / "nowhere.yaml")


def test_every_shortcut_leads_to_a_parameter() -> None:
    for name, parameter in SHORTCUTS.values():
        assert parameter in {each.name for each in describe(analysis(name).parameters)}


def test_every_parameter_has_a_meaning() -> None:
    for each in all_analyses().values():
        for one in describe(each.parameters):
            assert one.meaning, f"{each.name}.{one.name} says nothing"


def test_no_two_classes_of_parameters_share_a_name() -> None:
    names = [each.parameters.__name__ for each in all_analyses().values()]
    assert len(set(names)) == len(names)

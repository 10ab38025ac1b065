"""What is printed: JSON that every program reads, tables that are never cut, figures that are whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from retinoscope.command_line.output import interval, print_json, print_table, save_figure
from retinoscope.errors import UserError
from retinoscope.statistics.bootstrap import Interval, bootstrap_interval, ratio_of_sums


def test_numbers_that_json_does_not_know_become_null(capsys: pytest.CaptureFixture[str]) -> None:
    values = {"a": float("nan"), "b": np.array([1.5, np.inf]), "c": np.int64(3), "d": {"e": Path("x/y")}, "f": (True,)}
    print_json(values)
    expected = {"a": None, "b": [1.5, None], "c": 3, "d": {"e": str(Path("x/y"))}, "f": [True]}
    assert json.loads(capsys.readouterr().out) == expected


def test_tables_keep_every_cell_whole(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "value"), [("short", 1), ("x" * 200, 22)])
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.index("value") == first.index("1") == second.index("22") == 202


def test_what_has_no_value_has_no_interval_beside_it() -> None:
    assert interval(Interval(1.0, 0.5, 12.345)) == "1.00 [0.50, 12.35]"
    assert interval(bootstrap_interval(np.array([[1.0, 0.0], [2.0, 0.0]]), ratio_of_sums)) == "inf [inf, inf]"
    assert interval(bootstrap_interval(np.zeros((4, 2)), ratio_of_sums)) == "nan"


def test_a_figure_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = save_figure(Figure(), tmp_path / "deep" / "figure.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    before = path.read_bytes()

    class Broken(Figure):
        def savefig(self, name: Path, **_: object) -> None:  # type: ignore[override]
            Path(name).write_bytes(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match=r"figure\.png: cannot be written \(No space left on device\)"):
        save_figure(Broken(), path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["figure.png"]
    with pytest.raises(UserError, match=r"\.doc: unknown kind of picture"):
        save_figure(Figure(), tmp_path / "figure.doc")

"""`examples` writes what it found: lists, table, Result and figures, for arrays and for recordings."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import retinoscope
from retinoscope.cli import main
from retinoscope.errors import UserError
from retinoscope.rollouts import Recording
from tests.oracles_examples import slow_levels, slow_lists


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    np.save(tmp_path / "hx.npy", random.normal(size=(30, 6, 3)).astype(np.float32))
    np.save(tmp_path / "frames.npy", random.integers(0, 256, (30, 6, 8, 10, 3), dtype=np.uint8))
    return tmp_path


def test_the_command_writes_lists_table_and_figures(arrays: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = f"--activity {arrays}/hx.npy --frames {arrays}/frames.npy --gradient-step 4 --proportion 0.1"
    out = arrays / "out"
    assert main(["examples", *given.split(), "--proportion", "0.25", "--components", "units", "--out", str(out)]) == 0
    assert "30 samples of 6 steps" in capsys.readouterr().out
    activity = np.load(arrays / "hx.npy")
    assert (out / "dataset_examples.json").read_text() == json.dumps(slow_lists(activity, 0.1, 4)) + "\n"
    assert (out / "dataset_examples_0.25.json").read_text() == json.dumps(slow_lists(activity, 0.25, 4)) + "\n"
    assert retinoscope.load_result(out / "dataset_examples.nc").parameters["gradient_step"] == 4
    assert {path.name for path in (out / "figures").glob("*.png")} == {
        "dataset_examples.png",
        *(f"component_gallery_{each:02d}.png" for each in range(3)),
    }
    assert (out / "tables" / "dataset_examples_thresholds.csv").is_file()


def test_the_table_holds_each_list_once_the_most_extreme_first(arrays: Path) -> None:
    made = retinoscope.examples(
        activity=arrays / "hx.npy", gradient_step=4, proportion=0.2, components="units", out=arrays / "out"
    )
    activity = np.load(arrays / "hx.npy")
    lists = slow_lists(activity, 0.2, 4)
    with (made.directory / "dataset_examples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["scope", "level", "component", "sample", "rank", "value", "step"]
    for scope in lists:
        for level in lists[scope]:
            for component in range(3):
                own = [
                    each
                    for each in rows
                    if (each["scope"], each["level"], each["component"]) == (scope, level, str(component))
                ]
                assert sorted(int(each["sample"]) for each in own) == lists[scope][level][str(component)]
                assert [int(each["rank"]) for each in own] == list(range(1, len(own) + 1))
                values = [float(each["value"]) for each in own]
                low, high = slow_levels(activity[:, :, component], 0.2)[level]
                assert all(low <= np.float32(value) <= high for value in values)
                key = {"high": lambda x: -x, "low": lambda x: x, "middle": lambda x, c=(low + high) / 2: abs(x - c)}[
                    level
                ]
                order = [key(value) for value in values]
                assert order == sorted(order) or (level == "middle" and np.allclose(order, sorted(order), atol=1e-6))
                for each in own:
                    sample, step = int(each["sample"]), int(each["step"])
                    assert np.float32(each["value"]) == activity[sample, step, component]
                    assert scope == "any_step" or step == 4
                    if scope == "any_step" and level == "high":
                        assert np.float32(each["value"]) == activity[sample, :, component].max()


def test_a_recording_is_cut_recorded_and_shown(small_recording: Recording, tmp_path: Path) -> None:
    made = retinoscope.examples(
        small_recording.path, out=tmp_path / "out", components="pca:2", window_steps=6, burn_in_steps=1
    )
    assert {"dataset_examples.json", "dataset_examples.csv", "component_gallery.nc"} <= set(made.files)
    assert all((made.directory / each).is_file() for each in made.files)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["examples"], "an agent or a recording, or --activity"),
        (["examples", "digits", "--activity", "hx.npy"], "one of the two"),
        (["examples", "digits", "--frames", "frames.npy"], "frames go with --activity"),
        (["examples", "--activity", "nothing.npy"], "no such file"),
        (["examples", "--activity", "hx.npy", "--gradient-step", "6"], "gradient step 6: samples have steps 0 to 5"),
        (["examples", "--activity", "hx.npy", "--proportion", "0.6"], "proportion 0.6"),
        (["examples", "--activity", "hx.npy", "--components", "ica:4"], "3 units; ask for 1 to 3"),
        (["examples", "--activity", "hx.npy", "--frames", "hx.npy"], "frames of shape"),
        (["intervene", "digits", "--do", "erase"], "do 'erase'"),
        (["intervene", "digits", "--recording", "nowhere.zarr"], "nowhere.zarr"),
    ],
)
def test_wrong_input_is_one_line_and_code_2(
    arguments: list[str], message: str, arrays: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(arrays)
    assert main(arguments) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("retinoscope: ") and message in line


def test_what_cannot_be_written_is_said(arrays: Path) -> None:
    (arrays / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        retinoscope.examples(activity=np.zeros((2, 2, 1)), out=arrays / "file")

"""`examples` writes what it found: lists, table, Result and figures, for arrays and for recordings."""

from __future__ import annotations

import csv
import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import retinoscope
from retinoscope.agents.agent import Agent
from retinoscope.cli import main
from retinoscope.errors import UserError
from retinoscope.rollouts import Recording
from tests.command_line.commands import all_commands
from tests.oracles_examples import slow_levels, slow_lists
from tests.rollouts.recordings import small_agent


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    np.save(tmp_path / "hx.npy", random.normal(size=(30, 6, 3)).astype(np.float32))
    np.save(tmp_path / "short.npy", np.zeros((30, 5, 8, 10, 3), np.uint8))
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
        (["examples", "--activity", "hx.npy", "--frames", "hx.npy"], "is one file and cannot hold both"),
        (["examples", "--activity", "hx.npy", "--frames", "short.npy"], "frames of shape"),
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


class Stopped(BaseException):
    """Nothing further is of interest."""


IN_THE_SHELL = {
    "source": "mine",
    "out": Path("elsewhere"),
    "activity": Path("hx.npy"),
    "frames": Path("frames.npy"),
    "gradient_step": 3,
    "proportion": (0.2,),
    "components": "pca:4",
    "world": "elsewhere",
    "fit_steps": 999,
    "layer": "fc",
    "decisions": 123,
    "window_steps": 9,
    "stride_steps": 5,
    "burn_in_steps": 7,
    "leave_out_constant": True,
    "stability": True,
    "gallery": False,
    "keys": "any,saliency_step",
    "ids": "numbers",
    "checkpoint": "early",
    "seed": 7,
}


def test_every_option_of_the_command_arrives_and_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    command = all_commands()["examples"]
    usual = {each.name: each.default for each in command.params}
    assert set(IN_THE_SHELL) == set(usual) - {"help", "as_json"}
    assert all(usual[name] != value for name, value in IN_THE_SHELL.items())
    loaded: list[str] = []

    def load(name: str, checkpoint: str) -> str:
        loaded.append(checkpoint)
        return name

    def stop(source: object, **settings: object) -> None:
        raise Stopped({"source": source, **settings})

    monkeypatch.setattr(retinoscope, "load_agent", load)
    monkeypatch.setattr(retinoscope, "examples", stop)

    def arrived(*arguments: str) -> dict[str, object]:
        with pytest.raises(Stopped) as stopped:
            main(["examples", *arguments])
        (found,) = stopped.value.args
        return found | {"checkpoint": loaded.pop() if loaded else None}

    nothing = arrived()
    for name, value in IN_THE_SHELL.items():
        flag = f"--{'no-' if value is False else ''}{name.replace('_', '-')}"
        shown = value[0] if isinstance(value, tuple) else value
        arguments = [flag] if isinstance(value, bool) else [flag, str(shown)]
        if name == "source":
            assert arrived("mine") == nothing | {"source": "mine", "checkpoint": "final"}
        elif name == "checkpoint":
            assert arrived("mine", *arguments) == nothing | {"source": "mine", "checkpoint": "early"}
        else:
            assert arrived(*arguments) == nothing | {name: value}


def test_every_setting_in_python_arrives_and_changes_nothing_else(
    arrays: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retinoscope.workflows.examples.write_drawings", lambda result, folder: [])
    given = {"activity": arrays / "hx.npy", "frames": arrays / "frames.npy"}
    otherwise = {"gradient_step": 3, "proportion": 0.2, "window_steps": 9, "stride_steps": 5, "burn_in_steps": 7}
    otherwise |= {"components": "units", "seed": 7, "leave_out_constant": True, "stability": True, "gallery": False}
    otherwise |= {"fit_steps": 60}
    asked_of_recordings = {"source", "world", "layer", "decisions", "progress"}
    names_in_files = {"keys", "ids"}
    all_settings = {*otherwise, *given, "out"} | asked_of_recordings | names_in_files
    assert all_settings == set(inspect.signature(retinoscope.examples).parameters)

    def found(**settings: Any) -> dict[str, Any]:
        made = retinoscope.examples(**({"out": arrays / "out", "components": "pca:2"} | given | settings))
        said = {name: made.result.parameters[name] for name in otherwise if name in made.result.parameters}
        said["proportion"] = made.result.parameters["proportions"]
        return said | {"stability": "components.nc" in made.files, "gallery": "component_gallery.nc" in made.files}

    usual = found()
    assert usual["gradient_step"] == 5 and usual["leave_out_constant"] is False
    for name, value in otherwise.items():
        assert found(**{name: value}) == usual | {name: [value] if name == "proportion" else value}


def test_an_agent_is_recorded_for_as_many_decisions_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def record(agent: Agent, world: Any, **settings: Any) -> None:
        raise Stopped(settings | {"world": world})

    monkeypatch.setattr("retinoscope.rollouts.record", record)
    with pytest.raises(Stopped) as stopped:
        retinoscope.examples(small_agent(), out=tmp_path, decisions=77, seed=4, progress=True, world="elsewhere")
    (settings,) = stopped.value.args
    asked = {"frames": 77, "seed": 4, "progress": True, "world": "elsewhere"}
    assert settings == asked | {"out": tmp_path / "recording.zarr"}


def test_a_folder_with_an_array_of_each_layer_is_cut_into_windows_within_its_episodes(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    activity, ends = random.normal(size=(130, 3)).astype(np.float32), np.zeros(130, bool)
    ends[[49, 99]] = True
    np.save(tmp_path / "hx.npy", activity)
    np.save(tmp_path / "other.npy", random.normal(size=(130, 2)))
    np.save(tmp_path / "observation.npy", random.integers(0, 256, (130, 8, 10, 3), dtype=np.uint8))
    np.save(tmp_path / "terminated.npy", ends)
    settings = {"components": "units", "window_steps": 20, "burn_in_steps": 5, "layer": "hx"}
    made = retinoscope.examples(activity=tmp_path, out=tmp_path / "out", **settings)
    starts = [5, 25, 55, 75, 105]  # of three episodes, from the fifth decision of each
    assert made.result.data["first_row"].values.tolist() == starts
    windows = np.stack([activity[start : start + 20] for start in starts])
    lists = json.loads((tmp_path / "out" / "dataset_examples.json").read_text())
    assert lists == slow_lists(windows, 0.1, 19)
    assert (tmp_path / "out" / "component_gallery.nc").is_file()
    with pytest.raises(UserError, match="name one of its layers: hx, other"):
        retinoscope.examples(activity=tmp_path, out=tmp_path / "out", components="units")


def test_samples_of_one_array_have_no_layer_to_choose(arrays: Path) -> None:
    with pytest.raises(UserError, match="has no layers to choose 'hx' from; leave --layer out"):
        retinoscope.examples(activity=arrays / "hx.npy", layer="hx", out=arrays / "out")


def test_units_of_the_users_that_never_change_are_refused_unless_asked(tmp_path: Path) -> None:
    activity = np.random.default_rng(0).normal(size=(30, 4, 3)) * [1, 0, 1]
    with pytest.raises(UserError, match=r"1 of 3 units never change \(unit 1\).*leave them out"):
        retinoscope.examples(activity=activity, components="pca:2", out=tmp_path)
    made = retinoscope.examples(activity=activity, components="pca:2", leave_out_constant=True, out=tmp_path)
    assert (
        "1 of 3 units never change in the steps that components are found on and are left out (unit 1)"
        in made.result.data.attrs["caption"]
    )


def test_what_cannot_be_written_is_said(arrays: Path) -> None:
    (arrays / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        retinoscope.examples(activity=np.zeros((2, 2, 1)), out=arrays / "file")


def test_scores_directions_and_offset_are_written_without_the_stability(arrays: Path) -> None:
    made = retinoscope.examples(activity=arrays / "hx.npy", components="pca:2", out=arrays / "out", fit_steps=50)
    activity, scores = np.load(arrays / "hx.npy"), np.load(made.directory / "scores.npy", allow_pickle=False)
    with np.load(made.directory / "directions.npz", allow_pickle=False) as saved:
        assert saved["directions"].shape == saved["patterns"].shape == (2, 3)
        np.testing.assert_allclose(scores, (activity - saved["offset"]) @ saved["directions"].T, atol=1e-5)
    assert retinoscope.load_result(made.directory / "fitted_components.nc").parameters["fit_steps"] == 50
    assert {"scores.npy", "directions.npz", "fitted_components.nc"} < set(made.files)


def test_keys_and_ids_are_those_that_were_asked_for(arrays: Path) -> None:
    folder = arrays / "samples"
    activity = np.load(arrays / "hx.npy")
    for number, one in enumerate(activity):
        (folder / f"sample_{3 * number:05d}").mkdir(parents=True)
        np.save(folder / f"sample_{3 * number:05d}" / "agent_hs.npy", one)
    # A folder of samples may be named twice.
    shared = {"activity": folder, "frames": folder, "gradient_step": 4, "components": "units", "gallery": False}
    made = retinoscope.examples(**shared, keys="any,saliency_step,high,mid,low", ids="numbers", out=arrays / "one")
    found = json.loads((made.directory / "dataset_examples.json").read_text())
    plain = slow_lists(activity, 0.1, 4)
    for theirs, ours in (("any", "any_step"), ("saliency_step", "gradient_step")):
        for name, level in (("high", "high"), ("mid", "middle"), ("low", "low")):
            assert found[theirs][name] == {
                unit: [3 * each for each in plain[ours][level][unit]] for unit in plain[ours][level]
            }
    with (made.directory / "dataset_examples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {each["scope"] for each in rows} == {"any", "saliency_step"}
    assert {int(each["sample"]) % 3 for each in rows} == {0}
    named = retinoscope.examples(**shared, keys="any,saliency_step", out=arrays / "two")
    found = json.loads((named.directory / "dataset_examples.json").read_text())
    assert list(found) == ["any", "saliency_step"] and list(found["any"]) == ["high", "middle", "low"]
    assert found["any"]["low"]["0"][0].startswith("sample_")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"keys": "any"}, "give two names"),
        ({"keys": "any,any"}, "give two names"),
        ({"keys": "a,b,c,d"}, "or five"),
        ({"ids": "letters"}, "choose names or numbers"),
        ({"frames": "hx.npy"}, "is one file and cannot hold both"),
    ],
)
def test_keys_and_ids_that_are_none_are_refused(arrays: Path, settings: dict[str, str], says: str) -> None:
    if "frames" in settings:
        settings = {"frames": str(arrays / "hx.npy")}
    with pytest.raises(UserError, match=says):
        retinoscope.examples(activity=arrays / "hx.npy", components="units", out=arrays / "out", **settings)

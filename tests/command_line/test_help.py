"""The help is complete: every command explains itself, shows an example, and the examples work as they stand."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import retinoscope
from retinoscope.agents.networks import NetworkConfig
from retinoscope.cli import main
from retinoscope.command_line.train import train_command, training_config
from retinoscope.training import TrainingConfig
from retinoscope.training.config import TrainingNetwork
from retinoscope.workflows.chosen import SHORTCUTS
from tests.command_line.commands import all_commands, examples_of

COMMANDS = all_commands()
HEAVY = ("torch", "numpy", "scipy", "sklearn", "xarray", "zarr", "matplotlib", "gymnasium", "vizdoom", "av", "PIL")


def test_the_commands_are_those_of_the_workflow() -> None:
    stages = ["train", "train-classifier", "evaluate", "watch", "record", "analyze", "agents", "report"]
    stages += ["examples", "intervene", "check", "explore", "compare", "join", "sweep", "export", "doctor"]
    arenas = ["scenario list", "scenario build", "scenario preview", "scenario play", "scenario schema"]
    arenas.append("scenario new")
    assert sorted(COMMANDS) == sorted([*arenas, *stages])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_explained(name: str) -> None:
    command = COMMANDS[name]
    assert command.help and len(command.help.split("\n")[0]) <= 60, "a first line that fits the list of commands"
    for parameter in command.params:
        assert parameter.help, f"{name}: {parameter.name} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_an_example_of_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help"]) == 0
    examples = examples_of(capsys.readouterr().out)
    assert examples
    assert all(example[: len(name.split())] == name.split() for example in examples)


@pytest.mark.engine
def test_the_examples_work_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, command in COMMANDS.items():
        for example in examples_of(command.help):
            capfd.readouterr()
            code = main(example)
            printed = capfd.readouterr()
            assert code == 0, f"{name}: {printed.err}"
            assert printed.out.strip(), f"{name}: printed nothing"
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {
        "analysis",
        "arenas",
        "comparison",
        "digits.mp4",
        "digits.npz",
        "digits.png",
        "digits.zarr",
        "examples",
        "explorer",
        "parts",
        "runs",
        "stripes.yaml",
        "twin.safetensors",
    }
    assert retinoscope.open("digits.zarr").attributes["complete"]
    assert retinoscope.load_agent("runs/digits").frames_trained >= 8_000
    assert (tmp_path / "analysis" / "index.html").stat().st_size > 10_000


def test_help_loads_no_room() -> None:
    code = (
        "import sys\nfrom retinoscope.cli import main\nassert main(['--help']) == 0\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\nassert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_options_have_the_names_of_the_python_parameters() -> None:
    calls = {
        "scenario build": retinoscope.get_arena,
        "scenario preview": retinoscope.analyses.scenario_preview,
        "scenario play": retinoscope.play,
        "evaluate": retinoscope.evaluate,
        "watch": retinoscope.watch,
        "record": retinoscope.record,
        "join": retinoscope.join,
        "export": retinoscope.export,
        "analyze": retinoscope.analyze,
        "examples": retinoscope.examples,
        "explore": retinoscope.explore,
        "intervene": retinoscope.intervene,
        "report": retinoscope.rebuild_report,
        "scenario new": retinoscope.new_scenario,
    }
    of_load_agent = {"agent", "checkpoint", "device"}
    of_get_arena = {"images", "split"}  # of the preview, whose Python call takes the built arena
    # `out` of the preview is the file that the figure is saved to; a Figure saves itself in Python.
    of_the_shell = {"as_json", "help", *({"out"})}
    # `--set` and `--settings` come to the one parameter `settings`; short names of settings are `**shortcuts`.
    only_in_the_shell = {"analyze": {"assignments", "list_them", *SHORTCUTS}}
    for name, call in calls.items():
        options = {parameter.name for parameter in COMMANDS[name].params} - only_in_the_shell.get(name, set())
        parameters = set(inspect.signature(call).parameters) - {"shortcuts"}
        built = of_get_arena if name == "scenario preview" else set()
        assert options - of_load_agent - of_the_shell - built <= parameters, name
        assert parameters - {"progress"} <= options, f"{name}: the shell user lacks something"


def test_train_has_every_option_of_the_models_with_their_defaults() -> None:
    options = {parameter.name: parameter for parameter in train_command().params}
    for model in (TrainingConfig(), TrainingNetwork()):
        for field, default in model.model_dump(exclude={"network", "own"}).items():
            assert options[field].default is None, "so that what is not asked for can be told"
            if default != ():
                said = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
                assert options[field].help.endswith(f"  [default: {said}]")


def test_options_of_train_arrive_in_its_configuration() -> None:
    arguments = "digits --out run --frames 3e6 --batch-size 512 --vvs-depth 2 --greyscale --activation relu --rnn none"
    options = train_command().make_context("train", arguments.split()).params
    config = training_config(
        {name: value for name, value in options.items() if name not in ("scenario", "out", "as_json")}
    )
    network = NetworkConfig(vvs_depth=2, greyscale=True, activation="relu", rnn="none")
    assert config == TrainingConfig(frames=3e6, batch_size=512, network=network)


@pytest.mark.engine
def test_options_of_record_arrive_in_the_recording(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.zarr"
    options = "--frames 64 --seed 3 --environments 2 --workers 1 --block-frames 32 --greedy --checkpoint early"
    assert main(["record", "digits", "--out", str(path), *options.split()]) == 0
    recording = retinoscope.open(path)
    assert recording.frames == 64
    expected = {"seed": 3, "environments": 2, "greedy": True}
    assert {name: recording.attributes[name] for name in expected} == expected
    early = retinoscope.load_agent("digits", "early")
    assert recording.attributes["checkpoint_sha256"] == early.checkpoint_sha256
    assert dataclasses.replace(early, name="digits").name == recording.attributes["agent"]

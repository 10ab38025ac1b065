"""Exit codes and what is printed where: 0 done, 2 the user's input is wrong in one line, 1 a fault of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import retinoscope
from retinoscope.cli import main

WITHOUT_PACKAGE = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
from retinoscope.cli import main
print(*[main(command.split()) for command in {commands!r}])
"""


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["evaluate", "nobody"], "'nobody'"),
        (["evaluate", "digits", "--episodes", "1"], "1"),
        (["evaluate", "digits", "--arena", "nowhere"], "'nowhere'"),
        (["record", "digits", "--frames", "0", "--out", "x.zarr"], "0"),
        (["record", "digits", "--frames", "-5", "--out", "x.zarr"], "-5"),
        (["record", "digits", "--checkpoint", "late", "--frames", "9"], "'late'"),
        (["analyze", "digits", "--frames", "0"], "0"),
        (["analyze", "digits", "--responses", "telepathy"], "'telepathy'"),
        (["analyze", "empty-run"], "empty-run"),
        (["compare", "digits"], "1 agent"),
        (["compare", "digits", "nobody"], "'nobody'"),
        (["compare", "digits", "digits"], "named twice"),
        (["compare", "digits@late", "apples"], "'late'"),
        (["compare", "digits", "--checkpoints", ","], "checkpoints"),
        (["compare", "digits", "apples", "--only", "raster"], "'raster'"),
        (["compare", "digits", "apples", "--only", "similarity"], "'similarity'"),
        (["compare", "digits", "apples", "--set", "representations.shuffle=3"], "'shuffles'"),
        (["compare", "digits", "apples", "--frames", "0"], "0"),
        (["compare", "digits", "apples", "--dataset", "mnist"], "dataset"),
        (["compare", "digits", "apples", "--recording", "nowhere.zarr"], "nowhere.zarr"),
        (["scenario", "build", "nowhere"], "'nowhere'"),
        (["scenario", "build", "missing.yaml"], "missing.yaml"),
        (["scenario", "build", "misspelt.yaml"], "'clases'"),
        (["scenario", "preview", "digits", "--out", "picture.doc"], "picture.doc"),
        # Before anything is played or built: the arena is not even looked for.
        (["scenario", "preview", "nowhere", "--out", "picture.doc"], "picture.doc"),
        (["train", "nowhere", "--out", "run"], "'nowhere'"),
        (["train", "digits", "--out", "run", "--frames", "0"], "--frames"),
        (["train", "digits", "--out", "run", "--batch-size", "0"], "--batch-size"),
        (["report", "empty-run"], "empty-run"),
        (["watch", "digits", "--frames", "0", "--out", "x.mp4"], "0"),
        (["watch", "digits", "--frames", "9", "--out", "x.avi"], "x.avi"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_input_is_one_line_and_code_2(
    arguments: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty-run").mkdir()
    Path("misspelt.yaml").write_text(f"{retinoscope.load_scenario('digits').to_yaml()}clases: 3\n", encoding="utf-8")
    assert main(arguments) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("retinoscope: ")
    assert named in line


def test_cuda_without_a_device_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)  # so that there is none on any machine
    assert main(["record", "digits", "--frames", "9", "--device", "cuda"]) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert "cuda" in line and "--device cpu" in line


@pytest.mark.parametrize(
    ("package", "extra", "commands"),
    [
        (
            "vizdoom",
            "retinoscope[doom]",
            ("record digits --frames 9 --out x.zarr", "evaluate digits --episodes 2", "analyze digits --out x"),
        ),
        ("sample_factory", "retinoscope[train]", ("train digits --out run",)),
    ],
)
def test_a_missing_extra_is_named_and_the_rest_works(
    package: str, extra: str, commands: tuple[str, ...], tmp_path: Path
) -> None:
    code = WITHOUT_PACKAGE.format(package=package, commands=(*commands, "agents --json"))
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    agents, codes = done.stdout.splitlines()
    assert codes.split() == ["2"] * len(commands) + ["0"]
    assert json.loads(agents)["agents"]
    assert len(done.stderr.splitlines()) == len(commands)
    assert all(extra in line for line in done.stderr.splitlines())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["evaluate", "--frames", "9"], ["no-such-command"], ["record", "--frames", "many"]]
)
def test_usage_errors_are_code_2(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    printed = capfd.readouterr()
    assert printed.out == "" and "Usage:" in printed.err


def test_a_fault_of_ours_is_code_1_and_shows_where_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(retinoscope, "shipped_scenarios", fail)
    assert main(["scenario", "list"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "fault of ours: ZeroDivisionError: of all things" in line
    assert main(["--debug", "scenario", "list"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(retinoscope, "shipped_scenarios", interrupt)
    assert main(["scenario", "list"]) == 130


def test_an_interrupted_training_says_how_to_go_on_and_is_code_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(retinoscope, "train", interrupt)
    assert main(["train", "digits", "--out", "runs/one"]) == 130
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "interrupted; the same command goes on from the last checkpoint in runs/one" in printed.err


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        ("scenario list", set(retinoscope.shipped_scenarios())),
        ("scenario build apples", {"path", "sha256", "classes"}),
        ("agents", {"agents"}),
        pytest.param(
            "record digits --frames 32 --out r.zarr", {"path", "frames", "episodes"}, marks=pytest.mark.engine
        ),
        pytest.param("analyze digits --frames 32 --out a", {"report", "manifest"}, marks=pytest.mark.engine),
    ],
)
def test_json_is_one_object_and_nothing_else(
    arguments: str, keys: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*arguments.split(), "--json"]) == 0
    printed = capfd.readouterr()

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    assert set(json.loads(printed.out, parse_constant=refuse)) == keys
    stages = ("retinoscope: started ", "retinoscope: finished ", "retinoscope: computed: ")
    said = [line for line in printed.err.splitlines() if not line.startswith(stages)]
    assert said == [], "no progress bar where nobody watches"


@pytest.mark.engine
def test_evaluate_json_holds_what_the_library_computes(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "digits", "--episodes", "2", "--seed", "5", "--json"]) == 0
    output = capfd.readouterr()
    printed = json.loads(output.out)
    assert output.err == ""
    agent = retinoscope.load_agent("digits")
    result = retinoscope.evaluate(agent, episodes=2, seed=5)
    for policy in ("agent", "random"):
        expected = result.data["episode_return"].sel(policy=policy).values.mean()
        assert printed["policies"][policy]["episode_return"]["estimate"] == pytest.approx(expected)
    assert printed["provenance"]["checkpoint_sha256"] == agent.checkpoint_sha256

"""Every option of `analyze`, in the shell and by its short name in Python, arrives where it belongs."""

from __future__ import annotations

from typing import Any

import pytest

import retinoscope
from retinoscope.analyses.registry import select_analyses
from retinoscope.cli import main
from retinoscope.workflows.chosen import SHORTCUTS, chosen_parameters
from tests.command_line.commands import all_commands

IN_THE_SHELL: dict[str, tuple[str, Any]] = {
    "out": ("elsewhere", None),
    "frames": ("1e4", 10_000),
    "world": ("apples", "apples"),
    "responses": ("behaviour", ("behaviour",)),
    "only": ("raster,burn_in", ("raster,burn_in",)),
    "dataset": ("images.npz", "images.npz"),
    "presentation": ("paste height=30 position=30x40", "paste height=30 position=30x40"),
    "class_effects": ("cat=-20", "cat=-20"),
    "twin": ("twin.safetensors", None),
    "method": ("noise", "noise"),
    "layers": ("fc:0-3", ("fc:0-3",)),
    "movie_frames": ("77", 77),
    "checkpoints": ("all", "all"),
    "raster_order": ("euclidean", "euclidean"),
    "seed": ("7", 7),
    "device": ("cuda", "cuda"),
    "workers": ("3", 3),
    "cluster": ("tcp://here:1", "tcp://here:1"),
}
FLAGS = ("gif", "single_file", "follow", "wandb", "overwrite")


class Called(BaseException):
    """The library was called; what would follow is no matter here."""


def call_of(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> dict[str, Any]:
    """What the library was given."""
    given: dict[str, Any] = {}

    def analyze(agent: Any, **named: Any) -> None:
        given.update(named, agent=agent)
        raise Called

    monkeypatch.setattr(retinoscope, "analyze", analyze)
    monkeypatch.setattr(retinoscope, "load_agent", lambda *asked: asked)
    with pytest.raises(Called):
        main(["analyze", *arguments])
    return given


@pytest.mark.parametrize("name", IN_THE_SHELL)
def test_what_the_shell_says_is_given_to_the_library(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, value = IN_THE_SHELL[name]
    given = call_of(monkeypatch, "mine", f"--{name.replace('_', '-')}", text)
    assert given[name] == value or (value is None and str(given[name]) == text)
    without = call_of(monkeypatch, "mine")
    assert without[name] != given[name]


@pytest.mark.parametrize("name", FLAGS)
def test_flags_arrive(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call_of(monkeypatch, "mine", f"--{name.replace('_', '-')}")[name] is True
    assert call_of(monkeypatch, "mine")[name] is False


def test_agent_and_checkpoint_are_those_to_load_and_a_followed_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call_of(monkeypatch, "mine", "--checkpoint", "early")["agent"] == ("mine", "early", "cpu")
    assert call_of(monkeypatch, "runs/mine", "--follow")["agent"] == "runs/mine"


def test_no_option_is_left_out_here() -> None:
    options = {parameter.name for parameter in all_commands()["analyze"].params}
    elsewhere = {"agent", "checkpoint", "settings", "assignments", "list_them", "as_json", "help", "context"}
    assert options - elsewhere == {*IN_THE_SHELL, *FLAGS}


@pytest.mark.parametrize("short", SHORTCUTS)
def test_short_names_reach_their_parameter(short: str) -> None:
    name, parameter = SHORTCUTS[short]
    value = IN_THE_SHELL[short][1] or IN_THE_SHELL[short][0]
    if short == "dataset":
        value = "mnist.npz"
    run = select_analyses(only=name)
    by_short = chosen_parameters(run, {}, {short: value}, seed=3)[name]
    assert by_short == chosen_parameters(run, {name: {parameter: value}}, {}, seed=3)[name]
    assert getattr(by_short, parameter) != getattr(chosen_parameters(run, {}, {}, seed=3)[name], parameter)


def test_the_seed_reaches_every_analysis_that_has_one() -> None:
    for group in ("behaviour", "images", "attribution", "memory"):
        for each in chosen_parameters(select_analyses(group), {}, {}, seed=11).values():
            assert getattr(each, "seed", 11) == 11

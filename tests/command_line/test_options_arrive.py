"""Every option of a command, given with another value than its default, arrives at the call of the library."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import retinoscope
from retinoscope.cli import main
from tests.command_line.commands import all_commands

COMMANDS = all_commands()
OTHERWISE: dict[str, dict[str, Any]] = {
    "evaluate": {"agent": "mine", "world": "apples", "episodes": 3, "checkpoint": "early", "seed": 7, "workers": 2},
    "watch": {"agent": "mine", "world": "apples", "frames": 123, "checkpoint": "early", "seed": 7},
    "record": {"agent": "mine", "world": "apples", "frames": 123, "checkpoint": "early", "seed": 7, "workers": 2},
}
"""What each option of these commands is given instead of its default."""
OTHERWISE["intervene"] = {"agent": "mine", "world": "apples", "component": 3, "do": "swap:1", "checkpoint": "early"}
OTHERWISE["intervene"] |= {
    "recording": Path("digits.zarr"),
    "directions": "unit:1,unit:2",
    "doses": "-3,3",
    "when": "health < 50",
    "components": "pca:4",
    "layer": "rnn",
    "episodes": 3,
    "frames": 123,
}
OTHERWISE["intervene"] |= {"random_directions": 2, "out": Path("out"), "seed": 7, "greedy": True, "workers": 2}
OTHERWISE["evaluate"] |= {"greedy": True}
OTHERWISE["watch"] |= {"greedy": True, "out": Path("play.mp4")}
OTHERWISE["record"] |= {"greedy": True, "out": Path("play.zarr")}
OTHERWISE["record"] |= {"environments": 5, "block_frames": 77, "device": "cuda", "batch": 2, "part": "2/3"}
OTHERWISE["record"] |= {"parts": 3, "cluster": "tcp://here:1", "keep_frames": 8}
OTHERWISE["evaluate"] |= {"cluster": "tcp://here:1"}


class Called(BaseException):
    """The library was called; what would follow is no matter here."""


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Runs a command up to its call of the library; all that it gave to it and to the loader, by name."""
    given: dict[str, Any] = {}

    def keep(name: str, then: Callable[[], Any]) -> None:
        signature = inspect.signature(getattr(retinoscope, name))

        def called(*arguments: Any, **named: Any) -> Any:
            bound = signature.bind(*arguments, **named)
            bound.apply_defaults()
            given.update(bound.arguments)
            return then()

        monkeypatch.setattr(retinoscope, name, called)

    def stop() -> None:
        raise Called

    def run(command: str, *arguments: str) -> dict[str, Any]:
        given.clear()
        keep("load_agent", lambda: SimpleNamespace(name="loaded"))
        keep(command, stop)
        try:
            with pytest.raises(Called):
                main([command, *arguments])
        finally:
            monkeypatch.undo()
        assert given.pop("agent") == SimpleNamespace(name="loaded")
        return {"agent": given.pop("name_or_path")} | given

    return run


@pytest.mark.parametrize("command", OTHERWISE)
def test_every_option_is_asked_about(command: str) -> None:
    options = {parameter.name: parameter.default for parameter in COMMANDS[command].params}
    assert set(OTHERWISE[command]) == set(options) - {"help", "as_json"}
    assert all(options[name] != value for name, value in OTHERWISE[command].items())


@pytest.mark.parametrize(("command", "option"), [(each, name) for each in OTHERWISE for name in OTHERWISE[each]])
def test_an_option_arrives_and_changes_nothing_else(
    command: str, option: str, call: Callable[..., dict[str, Any]]
) -> None:
    value = OTHERWISE[command][option]
    flag = f"--{option.replace('_', '-')}"
    arguments = [value] if option == "agent" else [flag] if value is True else [flag, str(value)]
    assert call(command, *arguments) == call(command) | {option: value}


@pytest.mark.parametrize("command", ["evaluate", "watch", "record"])
@pytest.mark.parametrize(
    ("arguments", "arena"), [((), "digits"), (("--arena", "apples"), "apples"), (("--world", "apples"), "apples")]
)
def test_all_that_play_know_the_random_agent(
    command: str, arguments: tuple[str, ...], arena: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []

    def called(agent: Any, where: str | None, **_: Any) -> None:
        found.append((agent.name, agent.scenario.name, where))
        raise Called

    monkeypatch.setattr(retinoscope, command, called)
    with pytest.raises(Called):
        main([command, "random", *arguments])
    assert found == [("random", arena, "apples" if arguments else None)]


@pytest.mark.parametrize("command", ["evaluate", "watch", "record"])
def test_the_random_agent_has_no_checkpoints(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "random", "--checkpoint", "early"]) == 2
    assert "never trained and has no checkpoint 'early'" in capsys.readouterr().err

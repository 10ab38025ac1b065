"""Finding the commands of the command line, their help and the examples in it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import typer

from retinoscope.cli import app
from retinoscope.command_line.train import train_command
from retinoscope.command_line.train_classifier import train_classifier_command

_DEFERRED = {"train": train_command, "train-classifier": train_classifier_command}


def all_commands() -> dict[str, Any]:
    """Every command by its full name (`scenario list`), those that train with their real options."""
    return dict(_walk("", typer.main.get_command(app)))


def examples_of(help_text: str) -> list[list[str]]:
    """The arguments of every example line, without the leading `retinoscope`."""
    lines = [line.strip() for line in help_text.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("retinoscope ")]


def _walk(prefix: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield prefix, _DEFERRED[prefix]() if prefix in _DEFERRED else command
        return
    for name, each in command.commands.items():
        yield from _walk(f"{prefix} {name}".strip(), each)

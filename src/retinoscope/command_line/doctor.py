"""`retinoscope doctor`: what is installed, and what is there to compute with."""

from __future__ import annotations

import dataclasses

import typer

from retinoscope.command_line import options
from retinoscope.command_line.output import print_json, print_table
from retinoscope.errors import UserError


def doctor(as_json: options.AsJson = False) -> None:
    """Say what is installed, and what each extra would add.

    Versions, extras, devices, whether there is a screen, and where things are kept: what a report of a fault should
    hold. If something keeps retinoscope from working, the exit code is 2.

    \b
    Example:
        retinoscope doctor
    """
    from retinoscope.workflows.doctor import doctor as examine

    found = examine()
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        print_table(("installed", "version"), [(name, each or "MISSING") for name, each in found.versions.items()])
        typer.echo()
        has = {each.name: f"without {', '.join(each.missing)}" if each.missing else "yes" for each in found.extras}
        rows = [(each.name, has[each.name], each.adds) for each in found.extras]
        print_table(("extra", "installed", "what it is for"), rows)
        typer.echo()
        devices = [("device", each) for each in found.devices]
        print_table(("here", ""), [*devices, ("display", found.display), ("cache", found.cache)])
    if found.problems:
        raise UserError("; ".join(found.problems))

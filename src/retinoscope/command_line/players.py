"""Who plays: an agent that is loaded, or `random`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from retinoscope.errors import UserError

if TYPE_CHECKING:
    from retinoscope.agents.agent import Agent

RANDOM = "random"

PlayerName = Annotated[
    str,
    typer.Argument(
        metavar="AGENT",
        help="A shipped agent, a run directory, a checkpoint, an SB3 model.zip, file.py:name, or `random`.",
    ),
]


def load_player(name: str, checkpoint: str, world: str | None, device: str = "cpu") -> Agent:
    """The agent of this name. `random` has the view and the actions of the world, of `digits` where none is named.

    Raises:
        UserError: there is no such agent, checkpoint, world or device, or a checkpoint of `random` is asked for.
    """
    import retinoscope
    from retinoscope.agents.load import on_device

    if name != RANDOM:
        return retinoscope.load_agent(name, checkpoint, device)
    if checkpoint != "final":
        raise UserError(
            f"agent 'random': was never trained and has no checkpoint {checkpoint!r}; leave --checkpoint out"
        )
    return on_device(retinoscope.random_agent(world or "digits"), device)

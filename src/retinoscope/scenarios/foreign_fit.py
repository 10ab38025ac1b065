"""An arena made elsewhere as an agent lives in it that has another view, or other actions, than agents trained here.

The view. The engine draws what the `.cfg` asks for, and the mean over areas brings it to the agent's size.

The actions. An agent's outputs say by their names which buttons they press: `attack`, `turn_left`,
`move_forward+attack`, or `none`. An agent with one choice over all buttons, or over combinations of them, is then
played like any other. What outputs mean that have numbers only is not guessed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import cast

import pydantic

from retinoscope.errors import UserError
from retinoscope.scenarios.foreign import ForeignScenario
from retinoscope.scenarios.foreign_heads import buttons_named
from retinoscope.scenarios.specification import Observation

Heads = Mapping[str, tuple[str, ...]]


def identity_of(scenario: ForeignScenario) -> str:
    """The arena's hash: of its files, and of a view and actions that are not those of arenas built here."""
    if scenario.screen is None and scenario.named is None:
        return scenario.files_sha256
    chosen = {"screen": scenario.screen, "named": scenario.named, "observation": scenario.observation.model_dump()}
    text = f"{scenario.files_sha256}\n{json.dumps(chosen, sort_keys=True)}"
    return hashlib.sha256(text.encode()).hexdigest()


def fitted_to(scenario: ForeignScenario, height: int, width: int, heads: Heads) -> ForeignScenario:
    """The arena with the view and the actions of an agent; the same where they are its own.

    Args:
        scenario: the arena.
        height: of the agent's observations, pixels.
        width: likewise.
        heads: names of its heads and of their outputs, in order.

    Raises:
        UserError: it is not sure which buttons its outputs press.
    """
    found = scenario
    if (height, width) != (scenario.observation.height, scenario.observation.width):
        try:
            view = Observation(height=height, width=width, supersampling=1)
        except pydantic.ValidationError:
            raise UserError(
                f"arena {scenario.name!r}: cannot be shown in {height} x {width} pixels; choose an agent with a "
                "view of 8 x 8 to 1080 x 1920"
            ) from None
        found = found.model_copy(update={"observation": view, "screen": scenario.cfg_screen})
    if are_same(scenario.action_heads, heads):
        return found
    named = {
        head: {output: _pressed(scenario, head, output, heads) for output in outputs} for head, outputs in heads.items()
    }
    return found.model_copy(update={"named": named})


def are_same(ours: Heads, theirs: Heads) -> bool:
    """Whether these heads are played alike: the same names, or the same numbers of outputs that have no names."""
    if [len(each) for each in ours.values()] != [len(each) for each in theirs.values()]:
        return False
    if all(output.isdigit() for outputs in theirs.values() for output in outputs):
        return True
    return list(ours.items()) == list(theirs.items())


def _pressed(scenario: ForeignScenario, head: str, output: str, heads: Heads) -> tuple[str, ...]:
    buttons = buttons_named(head, output, scenario.buttons)
    if buttons is None:
        asked, there = (
            ", ".join(f"{name} ({'/'.join(outputs)})" for name, outputs in each.items())
            for each in (cast(Heads, scenario.action_heads), heads)
        )
        raise UserError(
            f"world {scenario.name!r}: is played with the heads {asked}, the agent has {there}, and {output!r} does "
            f"not say which of the buttons {', '.join(scenario.buttons)} it presses; name its outputs by buttons, "
            "joined by +"
        )
    return buttons

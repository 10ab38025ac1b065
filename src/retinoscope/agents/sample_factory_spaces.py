"""What a run of Sample Factory can do and see: its checkpoints hold numbers of outputs, not the spaces behind them.

Six outputs may be one choice of six, two of three, or three continuous actions. A run that does not say is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retinoscope.agents.actions import ActionHead, action_heads, gaussian_head
from retinoscope.errors import UserError
from retinoscope.scenarios import ACTION_HEADS, Scenario

SPACES_FILE = "spaces.json"
OUR_ENVIRONMENT = "retinoscope"
"""What `retinoscope train` calls its environment."""

Heads = dict[str, tuple[str, ...]]
_TURN, _MOVE, _ATTACK = ("none", "left", "right"), ("none", "forward", "backward"), ("none", "attack")
_WALK: Heads = {"turn": _TURN, "move": _MOVE}
_WALK_FLAT: Heads = {"action": ("none", "turn left", "turn right", "move forward", "move backward")}
_SHOOT: Heads = {"turn": _TURN, "attack": _ATTACK}
_BATTLE_BUTTONS = ("forward", "backward", "right", "left", "turn right", "turn left", "attack", "speed")
_DOOM_HEADS: dict[str, Heads] = {
    "doom_basic": {"action": ("none", "left", "right", "attack")},
    "doom_two_colors_easy": _WALK,
    "doom_two_colors_hard": _WALK,
    "doom_my_way_home": _WALK,
    "doom_my_way_home_flat_actions": _WALK_FLAT,
    "doom_health_gathering": _WALK_FLAT,
    "doom_health_gathering_supreme": _WALK_FLAT,
    "doom_deadly_corridor": {**_WALK, "strafe": _TURN, "attack": _ATTACK},
    "doom_defend_the_center": _SHOOT,
    "doom_defend_the_line": _SHOOT,
    "doom_defend_the_center_flat_actions": {"action": ("none", "turn left", "turn right", "attack")},
    "doom_benchmark": {"action": ("none", *_BATTLE_BUTTONS)},
}
"""Sample Factory's own ViZDoom environments that see pictures alone."""


@dataclass(frozen=True)
class StatedSpaces:
    """What a person wrote into `spaces.json` of a run; None for what is not there."""

    heads: tuple[ActionHead, ...] | None = None
    observation: tuple[int, int, int] | None = None


def stated_spaces(run_directory: Path) -> StatedSpaces:
    """The spaces that `spaces.json` in a run's directory gives, if there is one.

    It is `{"actions": ..., "observation": [height, width, channel]}`, either of them alone if need be. Actions are
    `{"turn": 3, "move": 3}` for two heads, `6` for one, names in the place of numbers, or `{"continuous": 2}`.

    Raises:
        UserError: it says something else.
    """
    path = run_directory / SPACES_FILE
    if not path.is_file():
        return StatedSpaces()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        unknown = sorted(content.keys() - {"actions", "observation"})
    except (OSError, ValueError, AttributeError):
        raise UserError(f'{path}: says no spaces; write {{"actions": {{"turn": 3, "move": 3}}}}') from None
    if unknown:
        raise UserError(f"{path}: {unknown[0]!r} is unknown; give actions or observation")
    return StatedSpaces(
        _stated_heads(content["actions"], path) if "actions" in content else None,
        _stated_observation(content["observation"], path) if "observation" in content else None,
    )


def _stated_heads(actions: Any, path: Path) -> tuple[ActionHead, ...]:
    try:
        if isinstance(actions, Mapping) and list(actions) == ["continuous"]:
            names = action_heads(actions["continuous"])[0].outputs
            return (gaussian_head(names),)
        return action_heads(actions)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _stated_observation(shape: Any, path: Path) -> tuple[int, int, int]:
    if isinstance(shape, list) and len(shape) == 3 and all(isinstance(each, int) and each > 0 for each in shape):
        return (shape[0], shape[1], shape[2])
    raise UserError(f"{path}: observation {shape!r} is no picture; give [height, width, channel]")


def heads_of_run(
    outputs: int,
    configuration: Mapping[str, Any],
    scenario: Scenario | None,
    stated: StatedSpaces,
    path: Path,
    is_gaussian: bool,
) -> tuple[ActionHead, ...]:
    """The heads of a run's actor.

    Args:
        outputs: how many numbers the actor gives, those of learned deviations included.
        configuration: Sample Factory's.
        scenario: the arena that lies in the run's directory; None for none.
        stated: what a person said.
        path: of the checkpoint, for messages.
        is_gaussian: the checkpoint shows that all actions are continuous.

    Raises:
        UserError: they are not known, or are those of another number of outputs.
    """
    environment = str(configuration.get("env"))
    if stated.heads is not None:
        heads, source = stated.heads, SPACES_FILE
        if is_gaussian and heads[0].kind != "gaussian":
            raise UserError(
                f"{path}: its actions are continuous, {SPACES_FILE} says choices; "
                f'write {{"actions": {{"continuous": {outputs // 2}}}}}'
            )
    elif is_gaussian:
        return (gaussian_head(tuple(map(str, range(outputs // 2)))),)
    elif environment == OUR_ENVIRONMENT and scenario is not None:
        heads, source = _choices(scenario.action_heads), f"the arena {scenario.name!r}"
    elif environment == OUR_ENVIRONMENT:
        raise UserError(f"{path}: scenario.yaml, which says what the actions are, is not in its run; put it back")
    elif environment in _DOOM_HEADS:
        heads, source = _choices(_DOOM_HEADS[environment]), f"the environment {environment!r}"
    elif environment.startswith("atari_"):  # all of these have one choice among the buttons of the game
        return action_heads(outputs)
    else:
        raise UserError(
            f"{path}: gives {outputs} numbers for actions, and the run does not say of how many heads; "
            f'add {SPACES_FILE} to it, such as {{"actions": {{"turn": 3, "move": 3}}}} or {{"actions": {outputs}}}'
        )
    if sum(len(head.outputs) for head in heads) == outputs:
        return heads
    sizes = " + ".join(str(len(head.outputs)) for head in heads)
    raise UserError(
        f"{path}: gives {outputs} numbers for actions, {source} takes {sizes}; use a checkpoint that was trained for it"
    )


def heads_of_older_run(outputs: int, stated: StatedSpaces, path: Path) -> tuple[ActionHead, ...]:
    """The heads of a run of the older system, all of whose arenas had the same two.

    Raises:
        UserError: it has another number of outputs.
    """
    heads = _choices(ACTION_HEADS) if stated.heads is None else stated.heads
    if sum(len(head.outputs) for head in heads) == outputs:
        return heads
    sizes = " + ".join(str(len(head.outputs)) for head in heads)
    where = "the arenas of its system take" if stated.heads is None else f"{SPACES_FILE} says"
    raise UserError(f"{path}: gives {outputs} numbers for actions, {where} {sizes}; say in {SPACES_FILE} what they are")


def _choices(heads: Mapping[str, tuple[str, ...]]) -> tuple[ActionHead, ...]:
    return tuple(ActionHead(name, outputs) for name, outputs in heads.items())

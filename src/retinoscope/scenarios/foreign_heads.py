"""ViZDoom's buttons as named action heads.

Opposite buttons share a head: `turn` {none, left, right}, `move` {none, forward, backward}, `strafe` {none, left,
right}, and likewise looking, rising and the choice of weapons and items; outputs exist only for buttons that exist.
Any other button is a head of its own, {none, attack}. A button that takes a number (`..._DELTA`) is a head
of its own with the values of `_DELTAS`, those that move as fast as the plain button does.
"""

from __future__ import annotations

_HEADS: dict[str, dict[str, str]] = {
    "turn": {"left": "TURN_LEFT", "right": "TURN_RIGHT"},
    "move": {"forward": "MOVE_FORWARD", "backward": "MOVE_BACKWARD"},
    "strafe": {"left": "MOVE_LEFT", "right": "MOVE_RIGHT"},
    "look": {"up": "LOOK_UP", "down": "LOOK_DOWN"},
    "rise": {"up": "MOVE_UP", "down": "MOVE_DOWN"},
    "weapon": {str(number): f"SELECT_WEAPON{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 0)},
    "weapon_change": {"next": "SELECT_NEXT_WEAPON", "previous": "SELECT_PREV_WEAPON"},
    "item_change": {"next": "SELECT_NEXT_ITEM", "previous": "SELECT_PREV_ITEM"},
}
"""Heads of buttons that exclude each other, in the order of the action space."""

_DELTAS: dict[str, tuple[str, dict[str, float]]] = {
    "TURN_LEFT_RIGHT_DELTA": ("turn_delta", {"left": -3.5, "right": 3.5}),  # degrees per tic
    "LOOK_UP_DOWN_DELTA": ("look_delta", {"up": 2.5, "down": -2.5}),  # degrees per tic
    "MOVE_FORWARD_BACKWARD_DELTA": ("move_delta", {"forward": 25.0, "backward": -25.0}),  # the engine's speeds
    "MOVE_LEFT_RIGHT_DELTA": ("strafe_delta", {"left": -24.0, "right": 24.0}),
    "MOVE_UP_DOWN_DELTA": ("rise_delta", {"up": 25.0, "down": -25.0}),
}

_SINGLE = (
    "ATTACK", "USE", "JUMP", "CROUCH", "TURN180", "ALTATTACK", "RELOAD", "ZOOM", "SPEED", "STRAFE", "LAND",
    "DROP_SELECTED_WEAPON", "ACTIVATE_SELECTED_ITEM", "DROP_SELECTED_ITEM",
)  # fmt: skip

BUTTONS = frozenset((*(button for pair in _HEADS.values() for button in pair.values()), *_DELTAS, *_SINGLE))
"""Every button of the engine."""

Presses = dict[str, dict[str, float]]
"""For each output of a head, the buttons it presses and their values."""


def heads_of(buttons: tuple[str, ...]) -> dict[str, Presses]:
    """The heads of these buttons, in a fixed order: shared heads, then the others in the order of `buttons`."""
    heads: dict[str, Presses] = {}
    for name, pair in _HEADS.items():
        outputs = {output: {button: 1.0} for output, button in pair.items() if button in buttons}
        if outputs:
            heads[name] = {"none": {}} | outputs
    shared = {button for pair in _HEADS.values() for button in pair.values()}
    for button in buttons:
        if button in _DELTAS:
            name, values = _DELTAS[button]
            heads[name] = {"none": {}} | {output: {button: value} for output, value in values.items()}
        elif button not in shared:
            # STRAFE makes turning a step aside, and `strafe` already is the name of stepping aside.
            name = "strafe_modifier" if button == "STRAFE" else button.lower()
            heads[name] = {"none": {}, name: {button: 1.0}}
    return heads


NOTHING = frozenset({"none", "noop", "no-op", "idle", "nothing"})
"""Names of outputs that press no button."""
ANY_HEAD = frozenset({"action", "actions", "button", "buttons"})
"""Names of heads that say nothing of what their outputs mean."""


def buttons_named(head: str, output: str, buttons: tuple[str, ...]) -> tuple[str, ...] | None:
    """The buttons that an output of an agent presses by its name; None if that is not sure.

    Args:
        head: name of the head.
        output: its name: of a button (`move_left`, `turn left`), of several joined by `+`, or of none of them (`none`).
            In a head of a shared name (`turn`, `strafe`) the names of its outputs will do, and in one that is only
            called `action` where no more than one button can be meant.
        buttons: of the arena.
    """
    if output.lower() in NOTHING:
        return ()
    pressed = [_button(head.lower(), part.strip().lower(), buttons) for part in output.split("+")]
    return tuple(each for each in pressed if each is not None) if None not in pressed else None


def _button(head: str, word: str, buttons: tuple[str, ...]) -> str | None:
    plain = [each for each in buttons if each not in _DELTAS]
    whole = word.upper().replace(" ", "_")
    if whole in plain:
        return whole
    first, _, rest = word.replace("_", " ").partition(" ")
    if rest:  # `strafe left`
        meant = {_HEADS.get(first, {}).get(rest)}
    elif head in _HEADS:
        meant = {_HEADS[head].get(word)}
    elif head in ANY_HEAD:
        meant = {outputs[word] for outputs in _HEADS.values() if word in outputs}
    else:
        meant = set()
    found = sorted(each for each in meant if each in plain)
    return found[0] if len(found) == 1 else None

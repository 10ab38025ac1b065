"""Arenas made elsewhere for agents of other views and other actions: what their outputs press, and what is refused."""

from __future__ import annotations

import pytest

from retinoscope.errors import UserError
from retinoscope.scenarios import foreign_part, get_arena, load_scenario
from retinoscope.scenarios.foreign import ForeignScenario
from retinoscope.scenarios.foreign_fit import fitted_to, identity_of
from retinoscope.scenarios.foreign_heads import BUTTONS, buttons_named

BASIC = ("MOVE_LEFT", "MOVE_RIGHT", "ATTACK")
WALK = ("TURN_LEFT", "TURN_RIGHT", "MOVE_FORWARD", "MOVE_BACKWARD")


def foreign(name: str) -> ForeignScenario:
    found = foreign_part(load_scenario(name))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("head", "output", "buttons", "expected"),
    [
        ("action", "none", BASIC, ()),
        ("action", "noop", BASIC, ()),
        ("action", "attack", BASIC, ("ATTACK",)),
        ("action", "MOVE_LEFT", BASIC, ("MOVE_LEFT",)),
        ("action", "left", BASIC, ("MOVE_LEFT",)),  # nothing else can be meant
        ("action", "left", (*BASIC, "TURN_LEFT"), None),
        ("action", "turn left", (*BASIC, "TURN_LEFT"), ("TURN_LEFT",)),
        ("action", "strafe_left", (*BASIC, "TURN_LEFT"), ("MOVE_LEFT",)),
        ("action", "move forward", WALK, ("MOVE_FORWARD",)),
        ("action", "forward", WALK, ("MOVE_FORWARD",)),
        ("action", "move_forward+turn_left", WALK, ("MOVE_FORWARD", "TURN_LEFT")),
        ("action", "forward + attack", WALK, None),
        ("turn", "left", WALK, ("TURN_LEFT",)),
        ("turn", "left", BASIC, None),  # it would step aside
        ("strafe", "left", BASIC, ("MOVE_LEFT",)),
        ("speak", "left", BASIC, None),
        ("action", "0", BASIC, None),
        ("action", "turn_left_right_delta", tuple(sorted(BUTTONS)), None),  # by how much?
    ],
)
def test_an_output_presses_what_its_name_says_or_is_not_understood(
    head: str, output: str, buttons: tuple[str, ...], expected: tuple[str, ...] | None
) -> None:
    assert buttons_named(head, output, buttons) == expected


def test_one_choice_over_buttons_and_over_combinations_takes_the_place_of_the_heads() -> None:
    basic = foreign("vizdoom:basic")
    fitted = fitted_to(basic, 60, 80, {"action": ("none", "left", "right", "attack", "left+attack")})
    assert fitted.action_heads == {"action": ("none", "left", "right", "attack", "left+attack")}
    assert fitted.presses == {
        "action": {
            "none": {},
            "left": {"MOVE_LEFT": 1.0},
            "right": {"MOVE_RIGHT": 1.0},
            "attack": {"ATTACK": 1.0},
            "left+attack": {"MOVE_LEFT": 1.0, "ATTACK": 1.0},
        }
    }
    assert fitted.observation == basic.observation and fitted.screen is None


def test_an_agent_of_the_arena_changes_nothing() -> None:
    basic = foreign("vizdoom:basic")
    assert fitted_to(basic, 60, 80, basic.action_heads) is basic
    assert fitted_to(basic, 60, 80, {"action 0": ("0", "1", "2"), "action 1": ("0", "1")}) is basic
    assert identity_of(basic) == basic.files_sha256 == get_arena("vizdoom:basic").sha256


def test_another_view_is_drawn_as_the_cfg_asks_and_is_another_world() -> None:
    basic = foreign("vizdoom:basic")
    wide = fitted_to(basic, 72, 128, basic.action_heads)
    assert (wide.observation.height, wide.observation.width, wide.screen) == (72, 128, "320x240")
    assert wide.screen_size == (320, 240) and basic.screen_size == (160, 120)
    flat = fitted_to(basic, 60, 80, {"action": ("none", "left", "right", "attack")})
    assert len({identity_of(each) for each in (basic, wide, flat)}) == 3
    kept = load_scenario_again(wide)
    assert kept == wide and get_arena(kept).sha256 == identity_of(wide)


def load_scenario_again(scenario: ForeignScenario) -> ForeignScenario:
    return ForeignScenario.model_validate(scenario.model_dump(mode="json"))


@pytest.mark.parametrize(
    ("view", "heads", "message"),
    [
        (
            (60, 80),
            {"action": ("0", "1", "2", "3")},
            "agent has action .*'0' does not say which of the buttons MOVE",
        ),
        ((60, 80), {"turn": ("none", "left", "right"), "attack": ("none", "attack")}, "'left' does not say which"),
        ((4, 4), {"action": ("none",)}, "cannot be shown in 4 x 4 pixels"),
    ],
)
def test_what_is_not_sure_is_refused_in_one_line(
    view: tuple[int, int], heads: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(UserError, match=message) as raised:
        fitted_to(foreign("vizdoom:basic"), *view, heads)
    assert "\n" not in str(raised.value)

"""Where images are shown, and what is refused."""

from __future__ import annotations

import pytest

from retinoscope.errors import UserError
from retinoscope.scenarios import load_scenario
from retinoscope.stimuli.places import (
    InArena,
    Pasted,
    Presentation,
    parse_class_effects,
    parse_presentation,
    require_image_fits,
    require_in_view,
)

DIGITS = load_scenario("digits")


def test_a_presentation_is_every_combination_the_first_values_first():
    places = Presentation(distances=(200, 100), bearings=(0, -20)).places(DIGITS)
    assert places == (InArena(200, 0), InArena(200, -20), InArena(100, 0), InArena(100, -20))
    pasted = Presentation("paste", heights=(20,), positions=((30, 40), (25, 20))).places(DIGITS)
    assert pasted == (Pasted(20, 30, 40), Pasted(20, 25, 20))


def test_the_defaults_fit_any_arena():
    small = DIGITS.model_copy(update={"arena": DIGITS.arena.model_copy(update={"half_width": 150})})
    for scenario in (DIGITS, small):
        assert all(place.distance < scenario.arena.half_width for place in Presentation().places(scenario))
    straight, *beside = Presentation("paste").places(DIGITS)
    assert straight == Pasted(30, 30, 40), "half as tall as the view, in its middle"
    assert beside[:2] == [Pasted(30, 30, 20), Pasted(30, 30, 60)], "then to the left and to the right of it"


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (InArena(20), "picks an image up"),
        (InArena(700), "wall"),
        (InArena(100, 46), "outside the view"),
        (InArena(100, float("nan")), "outside the view"),
        (Pasted(61, 30, 40), "fits"),
        (Pasted(0.5, 30, 40), "fits"),
        (Pasted(20, 30, 81), "outside the view"),
    ],
)
def test_places_that_cannot_be_seen_are_refused(place, says):
    with pytest.raises(UserError, match=says):
        require_in_view(place, DIGITS)


def test_an_image_that_is_too_wide_or_reaches_out_is_refused():
    with pytest.raises(UserError, match="wider than the"):
        require_image_fits(Pasted(50, 30, 40), (10, 20), (60, 80))
    with pytest.raises(UserError, match="reaches out"):
        require_image_fits(Pasted(20, 5, 40), (10, 10), (60, 80))
    assert require_image_fits(Pasted(20, 10, 40), (10, 20), (60, 80)) == (0, 20, 20, 60)


def test_a_presentation_can_be_written_in_words():
    assert parse_presentation(None) == parse_presentation("arena") == Presentation()
    for text in ("arena", "arena distance=100,200 bearing=-20,0", "paste height=20,30 position=30x40,10x12.5"):
        assert str(parse_presentation(text)) == text
    assert parse_presentation("arena distance=100,200 bearing=-20") == Presentation(
        distances=(100, 200), bearings=(-20,)
    )
    assert parse_presentation("paste height=30 position=30x40,20x20").positions == ((30, 40), (20, 20))


@pytest.mark.parametrize(
    "text", ["balloon", "arena distance", "arena distance=", "arena far=3", "paste position=30", "arena height=3"]
)
def test_words_that_mean_nothing_are_refused(text):
    with pytest.raises(UserError, match=r"presentation|mean nothing"):
        parse_presentation(text)


def test_class_effects_can_be_written_in_words():
    assert parse_class_effects("cat=-20,dog=+10") == {"cat": -20, "dog": 10}
    assert parse_class_effects({"cat": 3}) == {"cat": 3} and parse_class_effects(None) == {}
    with pytest.raises(UserError, match="not understood"):
        parse_class_effects("cat")

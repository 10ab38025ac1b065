"""Where images of a data set are shown: at a distance and bearing in the arena, or pasted at a place in the view."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import pydantic

from retinoscope.errors import UserError
from retinoscope.scenarios import Scenario
from retinoscope.settings import parameters, setting

HALF_FIELD_OF_VIEW = 45.0  # degrees, of the engine
_PLAYER_RADIUS = 16  # map units
_NEAREST_WALL = 32  # map units between the farthest place and the wall
# The first of each is where the analyses that need a single place show their images: large, straight ahead.
DISTANCES = (100.0, 60.0, 160.0, 250.0, 400.0)
BEARINGS = (0.0, -30.0, -15.0, 15.0, 30.0)
HEIGHTS = (0.5, 0.25)  # shares of the height of the view
OFFSETS = (0.0, -0.25, 0.25)  # from its middle to the middle of the image, shares of the width of the view


@dataclass(frozen=True)
class InArena:
    """Drawn by the engine as a sprite that stands in the arena.

    Attributes:
        distance: from the agent to the image, map units.
        bearing: of the image from straight ahead, degrees, positive to the right.
    """

    distance: float
    bearing: float = 0.0

    def __str__(self) -> str:
        where = f"at {self.bearing:+g}°" if self.bearing else "straight ahead"
        return f"{self.distance:g} map units away {where}"


@dataclass(frozen=True)
class Pasted:
    """Pasted onto a view of the empty arena.

    Attributes:
        height: of the image, pixels of the view; its width follows.
        row, column: of its middle, pixels from the upper left corner of the view.
    """

    height: float
    row: float
    column: float

    def __str__(self) -> str:
        return f"pasted {self.height:g} pixels tall at row {self.row:g}, column {self.column:g}"


Place = InArena | Pasted


@parameters("presentation")
class Presentation:
    """How the images of a data set are shown; single values or a grid of them.

    The first value of each is where the analyses that need a single place show their images. What is left empty is
    chosen to suit the arena.
    """

    how: Literal["arena", "paste"] = setting(
        "arena", "arena: the engine draws images as sprites; paste: onto a view of the agent's own empty arena"
    )
    distances: tuple[float, ...] = setting((), "from the agent to the image; for arena", units="map units")
    bearings: tuple[float, ...] = setting((), "from straight ahead, positive to the right; for arena", units="degrees")
    heights: tuple[float, ...] = setting((), "of the image; for paste", units="pixels of the view")
    positions: tuple[tuple[float, float], ...] = setting(
        (), "row and column of the middle of the image; for paste", units="pixels of the view"
    )

    def __str__(self) -> str:
        given = {"distance": self.distances, "bearing": self.bearings, "height": self.heights}
        parts = [f"{name}={','.join(f'{value:g}' for value in values)}" for name, values in given.items() if values]
        if self.positions:
            parts.append("position=" + ",".join(f"{row:g}x{column:g}" for row, column in self.positions))
        return " ".join([self.how, *parts])

    @pydantic.model_validator(mode="after")
    def _nothing_that_is_not_used(self) -> Self:
        unused = ("heights", "positions") if self.how == "arena" else ("distances", "bearings")
        for name in unused:
            if getattr(self, name):
                raise UserError(f"{name}: mean nothing to presentation {self.how!r}; leave them out")
        return self

    def places(self, scenario: Scenario) -> tuple[Place, ...]:
        """Every combination of what was chosen, the first values first.

        Raises:
            UserError: a place is out of the view, behind the wall of the arena, or where nothing can be met.
        """
        view = scenario.observation
        if self.how == "arena":
            farthest = scenario.arena.half_width - _NEAREST_WALL
            usual = tuple(each for each in DISTANCES if _nearest(scenario) <= each <= farthest) or (float(farthest),)
            chosen = itertools.product(self.distances or usual, self.bearings or BEARINGS)
            places: tuple[Place, ...] = tuple(InArena(*each) for each in chosen)
        else:
            heights = self.heights or tuple(round(share * view.height, 1) for share in HEIGHTS)
            middle = [(view.height / 2, view.width * (0.5 + share)) for share in OFFSETS]
            places = tuple(
                Pasted(height, *place) for height, place in itertools.product(heights, self.positions or middle)
            )
        for place in places:
            require_in_view(place, scenario)
        return places


def parse_presentation(text: Presentation | str | None) -> Presentation:
    """The presentation that `arena distance=100,200 bearing=-20,0,20` or `paste height=30 position=30x40` describes.

    Raises:
        UserError: it is not of this form.
    """
    if not isinstance(text, str):
        return text or Presentation()
    how, *settings = text.split() or ["arena"]
    names = {"distance": "distances", "bearing": "bearings", "height": "heights", "position": "positions"}
    chosen: dict[str, tuple[Any, ...]] = {}
    for text_of_one in settings:
        name, equals, numbers = text_of_one.partition("=")
        try:
            values = [tuple(float(part) for part in each.split("x")) for each in numbers.split(",")]
        except ValueError:
            values = []
        length = 2 if name == "position" else 1
        if not equals or name not in names or not values or any(len(each) != length for each in values):
            raise UserError(
                f"presentation: {text_of_one!r} is not understood; give, for example, 'arena distance=100,200 "
                "bearing=0' or 'paste height=30 position=30x40'"
            )
        chosen[names[name]] = tuple(values if length == 2 else (each[0] for each in values))
    return Presentation(how, **chosen)  # type: ignore[arg-type]  # what is not known is refused there


def parse_class_effects(text: Mapping[str, int] | str | None) -> dict[str, int]:
    """What `cat=-20,dog=+10` says: class -> change of health.

    Raises:
        UserError: it is not of this form.
    """
    if not isinstance(text, str):
        return dict(text or {})
    found = {}
    for each in text.split(","):
        name, _, effect = each.partition("=")
        try:
            found[name.strip()] = int(effect)
        except ValueError:
            raise UserError(f"class effects: {each!r} is not understood; give, for example, cat=-20,dog=+10") from None
    return found


def require_in_view(place: Place, scenario: Scenario) -> None:
    """Refuse a place where an image could not be seen, or not be met.

    Raises:
        UserError: it is out of the view or behind a wall, or the agent would pick the image up there.
    """
    if isinstance(place, InArena):
        nearest, farthest = _nearest(scenario), scenario.arena.half_width - _NEAREST_WALL
        if not nearest <= place.distance <= farthest:
            raise UserError(
                f"distance {place.distance:g}: must be from {nearest}, where the agent picks an image "
                f"up, to {farthest}, "
                f"where the wall is near; choose one between"
            )
        if not abs(place.bearing) < HALF_FIELD_OF_VIEW:
            raise UserError(
                f"bearing {place.bearing:g}: is outside the view, which reaches "
                f"{HALF_FIELD_OF_VIEW:g} degrees to either "
                "side; choose a smaller one"
            )
        return
    view = scenario.observation
    if not 1 <= place.height <= view.height:
        raise UserError(
            f"image height {place.height:g}: must be from 1 pixel to the view's {view.height}; choose one that fits"
        )
    if not (0 <= place.row <= view.height and 0 <= place.column <= view.width):
        raise UserError(
            f"image position {place.row:g}, {place.column:g}: is outside the view of {view.height} x "
            f"{view.width} pixels; "
            "choose one inside"
        )


def require_image_fits(
    place: Pasted, shape: tuple[int, int], view: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Edges (top, bottom, left, right) of a pasted image, pixels of the view.

    Raises:
        UserError: the image is larger than the view, or reaches out of it.
    """
    height, width = place.height, place.height * shape[1] / shape[0]
    if width > view[1]:
        raise UserError(
            f"image height {height:g}: makes an image of {shape[0]} x {shape[1]} pixels {width:g} wide, wider than the "
            f"view's {view[1]}; choose a smaller height"
        )
    top, left = place.row - height / 2, place.column - width / 2
    edges = (top, top + height, left, left + width)
    slack = 1e-6
    if top < -slack or left < -slack or edges[1] > view[0] + slack or edges[3] > view[1] + slack:
        raise UserError(
            f"image position {place.row:g}, {place.column:g}: at this height of {height:g} the image "
            "reaches out of the "
            f"view of {view[0]} x {view[1]} pixels; move it or make it smaller"
        )
    return edges


def _nearest(scenario: Scenario) -> int:
    return scenario.stimuli.radius + _PLAYER_RADIUS

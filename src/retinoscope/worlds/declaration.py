"""What a world declares of itself: plain data that is stored with every recording and that all analyses read.

Nothing here starts anything, and nothing here needs torch: processes that play import it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

VariableKind = Literal["quantity", "place", "heading"]
"""`place`: coordinates of the agent, one unit for all axes. `heading`: where it looks, degrees, 0 to 360."""


@dataclass(frozen=True)
class Picture:
    """The observations of a world, (height, width, channel).

    Attributes:
        height, width: pixels.
        channels: of one observation; of stacked frames all channels of all frames, oldest frame first.
        dtype: numpy's name of the type they are stored as, `uint8` or `float32`.
        low, high: black and white.
        frames: how many frames are stacked in one observation.
        field_of_view: of the whole width of a picture in perspective, degrees; None where that means nothing or is not
            known.
    """

    height: int
    width: int
    channels: int
    dtype: str = "uint8"
    low: float = 0.0
    high: float = 255.0
    frames: int = 1
    field_of_view: float | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channel)."""
        return self.height, self.width, self.channels

    @property
    def degrees_per_pixel(self) -> float | None:
        """Of visual angle, in the middle of the picture; towards its sides a pixel of a flat picture covers less."""
        if self.field_of_view is None:
            return None
        return math.degrees(2 * math.tan(math.radians(self.field_of_view / 2)) / self.width)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """One name for every channel: colours where a frame has three."""
        one = self.channels // self.frames
        colours = ("red", "green", "blue") if one == 3 else ("grey",) if one == 1 else tuple(map(str, range(one)))
        if self.frames == 1:
            return colours
        ages = range(self.frames - 1, -1, -1)
        return tuple(f"{colour} {age} frames ago" if age else colour for age in ages for colour in colours)


@dataclass(frozen=True)
class Actions:
    """One head of the actions.

    Attributes:
        name: of the head.
        outputs: names of the choices, of which one index is chosen; of continuous actions the name of each number.
        bounds: (lowest, highest) of each continuous action; empty for a choice.
    """

    name: str
    outputs: tuple[str, ...]
    bounds: tuple[tuple[float, float], ...] = ()

    @property
    def is_continuous(self) -> bool:
        """Numbers are given, no index."""
        return bool(self.bounds)


@dataclass(frozen=True)
class Variable:
    """A quantity of the world at the time of an observation.

    Attributes:
        name: of its column in a recording.
        units: empty where it has none.
        long_name: for axes and captions; the name, if empty.
        labels: names of its numbers; empty for a single number.
        axis: name of the dimension along which these lie.
        kind: what it is, where analyses have to know.
        low, high: the range that is drawn, as far as it is known.
    """

    name: str
    units: str = ""
    long_name: str = ""
    labels: tuple[str, ...] = ()
    axis: str = ""
    kind: VariableKind = "quantity"
    low: float | None = None
    high: float | None = None

    @property
    def title(self) -> str:
        """For people."""
        return self.long_name or self.name

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its value in one row."""
        return (len(self.labels),) if self.labels else ()

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the axes of its value."""
        return (self.axis or f"{self.name}_axis",) if self.labels else ()


@dataclass(frozen=True)
class Event:
    """Something that can happen between two observations, and is counted.

    Attributes:
        name: for people, and of its place along the dimension `event`.
        valence: above 0 if it is good for the agent, below 0 if it is bad, 0 if neither; None where that is not known.
        units: of the valence; empty if only its sign means something.
        is_inferred: the world does not say it; it is told from something else.
    """

    name: str
    valence: float | None = None
    units: str = ""
    is_inferred: bool = False


@dataclass(frozen=True)
class Words:
    """What people call the events of a world: `positive` + `event` is a good one.

    Attributes:
        positive, negative: kinds of events by the sign of their valence, adjectives.
        event, events: one, and several.
        gathered: the sum of the valences of all that happened.
        survived: of an episode that was not terminated; empty where that has no name.
    """

    positive: str = "rewarded"
    negative: str = "punished"
    event: str = "event"
    events: str = "events"
    gathered: str = "sum of valences"
    survived: str = ""


@dataclass(frozen=True)
class Endings:
    """What it means that an episode ends.

    Attributes:
        terminated: "the agent died", "the coin was reached"; a whole clause.
        truncated: "the time limit ended the episode".
        terminations: what the first kind is called where it is counted, "deaths".
    """

    terminated: str = "the episode ended"
    truncated: str = "the time limit ended the episode"
    terminations: str = "endings"


@dataclass(frozen=True)
class Declaration:
    """What there is in a world.

    Attributes:
        name: for titles and messages.
        sha256: identity: two worlds with the same hash are the same world.
        source: what the world was made from, as text; a scenario (YAML), or the environment's own description.
        picture: its observations.
        actions: the heads, in order.
        seconds_per_decision: from one decision to the next in the world's own time; None if that means nothing.
        variables: recorded at the time of every observation.
        events: counted between observations.
        words: for events.
        endings: what they mean.
        object_classes: names of the kinds of objects that can be in view; None where objects in view are not listed.
        object_valences: of these kinds, in their order, None for those not known.
        distance_units: of the distance of objects.
        repeats_itself: the same seed and the same actions show the same observations again.
        can_be_emptied: it can be shown without its objects.
        can_show_images: images can be shown in it at given places.
        notes: what a person has to know of it, one line each.
    """

    name: str
    sha256: str
    source: str
    picture: Picture
    actions: tuple[Actions, ...]
    seconds_per_decision: float | None = None
    variables: tuple[Variable, ...] = ()
    events: tuple[Event, ...] = ()
    words: Words = field(default_factory=Words)
    endings: Endings = field(default_factory=Endings)
    object_classes: tuple[str, ...] | None = None
    object_valences: tuple[float | None, ...] = ()
    distance_units: str = ""
    repeats_itself: bool = True
    can_be_emptied: bool = False
    can_show_images: bool = False
    notes: tuple[str, ...] = ()

    @property
    def valences(self) -> np.ndarray:
        """(event,) float64; 0 where it is not known."""
        return np.array([each.valence or 0.0 for each in self.events], np.float64)

    @property
    def clock(self) -> Clock:
        """Of its axes of time."""
        return Clock(1.0, "decisions") if self.seconds_per_decision is None else Clock(self.seconds_per_decision, "s")

    def variable(self, kind: VariableKind) -> Variable | None:
        """The first variable of this kind, None if there is none."""
        return next((each for each in self.variables if each.kind == kind), None)

    def to_json(self) -> dict[str, Any]:
        """As dictionaries and lists, for files."""
        content = dataclasses.asdict(self)
        for head in content["actions"]:  # JSON knows nothing that is infinite
            head["bounds"] = [[None if math.isinf(each) else each for each in pair] for pair in head["bounds"]]
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Declaration:
        """What `to_json` gave."""
        made: dict[str, Any] = dict(content)
        made["picture"] = Picture(**content["picture"])
        made["actions"] = tuple(_actions(each) for each in content["actions"])
        made["variables"] = tuple(Variable(**_with_tuples(each)) for each in content["variables"])
        made["events"] = tuple(Event(**each) for each in content["events"])
        made["words"], made["endings"] = Words(**content["words"]), Endings(**content["endings"])
        return cls(**_with_tuples(made))


@dataclass(frozen=True)
class Clock:
    """How long a decision takes, and in what that is told.

    Attributes:
        per_decision: units from one decision to the next; 1 where the world has no time of its own.
        units: `s` or `decisions`.
    """

    per_decision: float
    units: str

    @property
    def title(self) -> str:
        """Label of an axis of time."""
        return f"time ({self.units})"


def _actions(content: Mapping[str, Any]) -> Actions:
    bounds = tuple(
        (-math.inf if low is None else low, math.inf if high is None else high) for low, high in content["bounds"]
    )
    return Actions(content["name"], tuple(content["outputs"]), bounds)


def _with_tuples(content: Mapping[str, Any]) -> dict[str, Any]:
    """Lists become tuples, as they were before they went through JSON."""
    return {name: _tuple(value) if isinstance(value, list) else value for name, value in content.items()}


def _tuple(values: list[Any]) -> tuple[Any, ...]:
    return tuple(_tuple(each) if isinstance(each, list) else each for each in values)

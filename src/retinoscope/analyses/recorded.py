"""What analyses of a recording share: its world in numbers and words, and whether agent, world and recording match."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.drawing import SPEED
from retinoscope.errors import UserError

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.worlds.declaration import Clock, Declaration, VariableKind
    from retinoscope.worlds.world import World

_WITHOUT_TIME = 10.0  # decisions shown in a second where the world has no time of its own


@dataclass(frozen=True)
class Number:
    """One number of what a world declares: a variable, or one entry of a variable that has several.

    Attributes:
        name: unique among the numbers of a world: `fuel`, `position x`.
        column: of the recording.
        index: in it; None for a column of single numbers.
        title: for people.
        units: empty where it has none.
        kind: as that of the variable.
        low, high: the range that is drawn, as far as it is known.
    """

    name: str
    column: str
    index: int | None
    title: str
    units: str
    kind: VariableKind
    low: float | None
    high: float | None

    def of(self, rows: xarray.Dataset) -> NDArray[Any]:
        """(time,) its values in these rows."""
        values: NDArray[Any] = rows[self.column].values
        return values if self.index is None else values[:, self.index]


def numbers_of(recording: Recording, *kinds: VariableKind) -> tuple[Number, ...]:
    """All numbers that the world of a recording declares and the recording holds, in order.

    Args:
        recording: whose world is asked.
        kinds: only those of these kinds; all, if none is given.
    """
    found = []
    for each in recording.world.variables:
        if each.name not in recording.columns or (kinds and each.kind not in kinds):
            continue
        about = (each.units, each.kind, each.low, each.high)
        if not each.labels:
            found.append(Number(each.name, each.name, None, each.title, *about))
        for index, label in enumerate(each.labels):
            found.append(Number(f"{each.name} {label}", each.name, index, f"{each.title} {label}", *about))
    return tuple(found)


def columns_of(numbers: Sequence[Number]) -> tuple[str, ...]:
    """The columns of a recording in which these numbers are."""
    return tuple(dict.fromkeys(each.column for each in numbers))


def with_numbers(
    data: xarray.Dataset, numbers: Sequence[Number], values: Sequence[NDArray[Any]], dimension: str = "time"
) -> xarray.Dataset:
    """The data with numbers of the world under their own names, and `variables` among its attributes.

    `variables` is JSON: of each a mapping of `name`, `stored` (the name of the variable of the dataset, another one
    where that was taken), `title`, `units`, `kind`, `low` and `high`.

    Args:
        data: of a Result.
        numbers: that are to be in it.
        values: of each, one for every place of the dimension.
        dimension: over which they are.
    """
    listed = []
    for number, each in zip(numbers, values, strict=True):
        stored = number.name.replace("/", " per ")  # netCDF has folders
        while stored in data.variables or stored in data.dims:
            stored += " of the world"
        about = {"units": number.units, "long_name": number.title}
        data = data.assign({stored: (dimension, each, {name: text for name, text in about.items() if text})})
        ranges = {"low": number.low, "high": number.high}
        listed.append({"name": number.name, "stored": stored, "title": number.title, "units": number.units})
        listed[-1] |= {"kind": number.kind} | ranges  # type: ignore[arg-type]
    return data.assign_attrs(variables=json.dumps(listed))


def has_values(recording: Recording) -> bool:
    """Whether the agent has a critic whose values are in the recording.

    Raises:
        UserError: some of them are numbers, and others are not.
    """
    if "value" not in recording.columns:
        return False
    is_known = np.isfinite(recording.rows(names=("value",))["value"].values)
    if is_known.any() and not is_known.all():
        raise UserError(
            f"{recording.path}: {int((~is_known).sum()):,} of {len(is_known):,} values of the critic are not finite; "
            "give all of them, or none"
        )
    return bool(is_known.any())


def words_attribute(world: Declaration) -> str:
    """What events are called there, for `data.attrs["event_words"]`: JSON of [positive, negative, event, events]."""
    words = world.words
    return json.dumps([words.positive, words.negative, words.event, words.events])


def picture_attribute(world: Declaration) -> str:
    """How observations are to be shown, for `data.attrs["picture"]`: JSON of `low`, `high` and `frames`."""
    picture = world.picture
    return json.dumps({"low": picture.low, "high": picture.high, "frames": picture.frames})


def picture_sentence(world: Declaration) -> str:
    """What of an observation figures show, for captions; empty if all of it."""
    picture, said = world.picture, []
    if picture.frames > 1:
        said.append(f"Of {picture.frames} stacked frames the newest is shown.")
    if (channels := picture.channels // picture.frames) not in (1, 3):
        said.append(f"Of {channels} channels the first is shown, in grey.")
    return " ".join(said)


def event_coordinates(world: Declaration) -> dict[str, Any]:
    """Coordinates of the dimension `event`: names, and `event_valence`, NaN where that is not known."""
    valences = [np.nan if each.valence is None else each.valence for each in world.events]
    units = next((each.units for each in world.events if each.units), "")
    return {
        "event": [each.name for each in world.events],
        "event_valence": ("event", np.array(valences, np.float64), {"units": units} if units else {}),
    }


def sides_of(world: Declaration) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(event,) which events are good, and which are bad."""
    return world.valences > 0, world.valences < 0


def a_word(word: str) -> str:
    """With its article: `a catch`, `an event`."""
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"


def events_counted(data: xarray.Dataset, world: Declaration) -> str:
    """` with 3 rewarded and 1 punished events`, the end of a clause: by name where a world has not both kinds.

    Args:
        data: with `events` (time, event), if there are any.
        world: that declares them.
    """
    if "events" not in data:
        return ""
    counts, words = data["events"].values.astype(np.int64).sum(axis=0), world.words
    good, bad = sides_of(world)
    if good.any() and bad.any():
        kinds = f"{counts[good].sum()} {words.positive} and {counts[bad].sum()} {words.negative} {words.events}"
        return f" with {kinds}"
    if not counts.any():
        return f" without {words.events}"
    most = [each for each in np.argsort(-counts, kind="stable")[:4] if counts[each]]
    named = ", ".join(f"{counts[each]} × {world.events[each].name}" for each in most)
    return f" with {named}{' and others' if np.count_nonzero(counts) > len(most) else ''}"


def in_units(given: float | None, clock: Clock, seconds: float, decisions: float) -> float:
    """A time in units of a clock: what was given, else so many seconds, or decisions where a world has no time."""
    return given if given is not None else seconds if clock.units == "s" else decisions


def span_text(decisions: int, clock: Clock) -> str:
    """` (8 s)`, how long so many decisions take; nothing where the world has no time of its own."""
    return f" ({decisions * clock.per_decision:.0f} s)" if clock.units == "s" else ""


def clock_attributes(clock: Clock) -> dict[str, Any]:
    """Attributes of a Result: `seconds_per_decision` in `clock_units`, which are seconds where a world has a time."""
    return {"seconds_per_decision": clock.per_decision, "clock_units": clock.units}


def movie_attributes(clock: Clock) -> dict[str, Any]:
    """The same, with `movie_rate`, decisions shown in one second, and `movie_pace`, a sentence that says it."""
    return clock_attributes(clock) | {"movie_rate": movie_rate(clock), "movie_pace": movie_pace(clock)}


def movie_rate(clock: Clock) -> float:
    """Decisions of a movie that are shown in one second."""
    return SPEED / clock.per_decision if clock.units == "s" else _WITHOUT_TIME


def movie_pace(clock: Clock) -> str:
    """The same in words: a sentence for captions."""
    if clock.units == "s":
        return f"Shown at {SPEED:g} times real speed."
    return f"Shown at {_WITHOUT_TIME:g} decisions a second, for this world has no time of its own."


def require_agent(agent: Agent | None, what: str) -> None:
    """An analysis that computes activity anew has the agent to compute it with.

    Raises:
        UserError: there is none.
    """
    if agent is None:
        raise UserError(f"{what}: needs the agent of the recording, and none is given; give agent=load_agent(...)")


def require_same(recording: Recording, agent: Agent | None = None, world: World | None = None) -> None:
    """A recording may be analysed only with the agent and the world it was made of.

    Raises:
        UserError: naming what differs, with the beginnings of both hashes.
    """
    given = []
    if agent is not None:
        given.append(("agent", "checkpoint_sha256", agent.checkpoint_sha256, agent.name))
    if world is not None:
        given.append(("world", "world_sha256", world.declaration.sha256, world.declaration.name))
    for kind, key, sha256, name in given:
        there = recording.attributes[key]
        if there != sha256:
            raise UserError(
                f"{recording.path}: was made with another {kind}: its {key} is {_short(there)}, that of {kind} "
                f"{name!r} is {_short(sha256)}; give the {kind} of the recording, or record again"
            )


def _short(sha256: str) -> str:
    return f"{sha256[:12]}..." if sha256 else "unknown"

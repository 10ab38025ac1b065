"""What figures call the events of a world: read from a Result, where `analyses.recorded.words_attribute` put it."""

from __future__ import annotations

import json
from typing import NamedTuple

import xarray

__all__: list[str] = []


class EventWords(NamedTuple):
    """What people call events.

    Attributes:
        positive, negative: kinds of events by the sign of their valence, adjectives; empty where nothing says.
        event, events: one, and several.
    """

    positive: str
    negative: str
    event: str
    events: str


def words_of(data: xarray.Dataset) -> EventWords:
    """The words of the world of a Result; those of its coordinate `kind` and "event" where it does not say."""
    said = data.attrs.get("event_words")
    if said is not None:
        return EventWords(*json.loads(said))
    kinds = [str(each) for each in data["kind"].values] if "kind" in data.coords else []
    positive, negative = kinds if len(kinds) == 2 else ("", "")
    return EventWords(positive, negative, "event", "events")


def shortened(name: str, most: int) -> str:
    """A name of at most so many letters: of a longer one its end, in which names of layers differ."""
    return name if len(name) <= most else f"…{name[1 - most :]}"

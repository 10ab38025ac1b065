"""What is remembered: a memory set by hand shows the time for which it holds something, and no memory shows none."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from retinoscope.analyses.memory.memory_decoding import _gain, memory_decoding
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result
from retinoscope.rollouts import ArrayRecording
from retinoscope.worlds.declaration import Declaration, Event, Picture, Variable
from tests.planted_tuning import box_of

HELD = 6  # decisions for which the planted memory holds the class of what it saw last
CLASSES = 3
DELAYS = tuple(range(1, 11))
WORLD = Declaration(
    "shelf", "ab" * 32, "", Picture(60, 80, 3, field_of_view=90.0), (),
    object_classes=("apple", "pear", "nettle"), object_valences=(1.0, 2.0, -1.0), distance_units="cm",
)  # fmt: skip


def shelf(holds: int, seed: int = 0, episodes: int = 24, rows: int = 240) -> ArrayRecording:
    """Things come into view for some decisions, then nothing is there; what is in view gives away what comes next.

    The encoder sees the class, where it is, and a cue that is there all the time and tells with some certainty what was
    last and what will be next. The memory passes on what the encoder sees, and holds the class of what it saw last for
    so many decisions after it left.
    """
    random = np.random.default_rng(seed)
    objects: list[list[dict]] = []
    encoder, memory, action = [], [], []
    for _ in range(episodes):
        seen = np.full(rows, -1)
        bearing = np.zeros(rows)
        row, kind = 3, int(random.integers(CLASSES))
        while row < rows:
            kind = int(random.integers(CLASSES))
            stop = row + int(random.integers(3, 6))
            seen[row:stop] = kind
            bearing[row:stop] = random.uniform(-30, 30)
            row = stop + int(random.integers(12, 16))
        last, away = np.full(rows, -1), np.full(rows, rows)
        for row in range(1, rows):
            left = seen[row] < 0 <= seen[row - 1]
            last[row] = seen[row - 1] if left or seen[row] >= 0 else last[row - 1]
            away[row] = 1 if left else away[row - 1] + 1
        cue = np.where(random.uniform(size=rows) < 0.5, last, random.integers(0, CLASSES, rows))
        sees = np.concatenate([np.eye(CLASSES + 1)[seen], np.eye(CLASSES + 1)[cue], bearing[:, None] / 30], axis=1)
        is_held = (seen < 0) & (away <= holds)
        held = np.where(is_held[:, None], np.eye(CLASSES + 1)[last], 0.0)[:, :CLASSES]
        encoder.append(sees + random.normal(0, 0.05, sees.shape))
        memory.append(np.concatenate([sees, held], axis=1) + random.normal(0, 0.05, (rows, sees.shape[1] + CLASSES)))
        action.append(np.where(cue < 0, 0, cue))
        objects += [
            [] if each < 0 else [{"class_index": int(each), "box": box_of(at), "distance": 40.0}]
            for each, at in zip(seen, bearing, strict=True)
        ]
    return ArrayRecording(
        {
            "fc": np.concatenate(encoder).astype(np.float32),
            "rnn": np.concatenate(memory).astype(np.float32),
            "action": np.concatenate(action)[:, None],
        },
        layers=["fc", "rnn"],
        roles={"fc": "encoder output", "rnn": "memory"},
        world=WORLD,
        episode_lengths=[rows] * episodes,
        objects=objects,
        name="shelf",
    )


@pytest.fixture(scope="module")
def holding() -> Result:
    targets = ("class of the last object", "kind of the last object", "action action to come")
    return memory_decoding(shelf(HELD), delays=DELAYS, burn_in_steps=0, components=12, targets=targets)


@pytest.fixture(scope="module")
def forgetting() -> Result:
    targets = ("class of the last object", "bearing of the last object")
    return memory_decoding(shelf(0), delays=DELAYS, burn_in_steps=0, components=12, targets=targets)


def test_the_memory_holds_the_last_class_for_exactly_the_planted_time(holding: Result) -> None:
    one = holding.data.sel(network="agent", target="class of the last object")
    assert float(one["lasts"]) == HELD
    assert float(one["half_life"]) == pytest.approx(HELD + 0.5, abs=0.2)
    scores = one["score"].sel(source="rnn").values
    assert (scores[:HELD] > 0.95).all() and (scores[HELD:] < 0.75).all()
    assert (one["added_low"].values[:HELD] > 0.15).all()
    assert float(holding.data["lasts"].sel(target="kind of the last object")) == HELD


def test_the_view_tells_something_of_what_left_it_and_that_is_no_memory(forgetting: Result) -> None:
    one = forgetting.data.sel(network="agent", target="class of the last object")
    assert (one["score"].sel(source="present").values > 0.5).all() and float(one["by_chance"]) == pytest.approx(1 / 3)
    assert np.abs(one["added"].values).max() < 0.03
    assert np.isnan(forgetting.data["lasts"].values).all()
    assert (forgetting.data["p"].values > 0.05).mean() >= 0.9


def test_the_action_to_come_is_told_by_the_view_and_the_memory_adds_what_it_holds(holding: Result) -> None:
    one = holding.data.sel(network="agent", target="action action to come")
    assert (one["score"].sel(source="present").values[:3] > 0.4).all()
    assert float(one["added"][0]) > 0.02


def test_samples_are_those_of_a_loop(holding: Result) -> None:
    recording = shelf(HELD)
    counts = np.zeros(len(DELAYS), int)
    for episode in recording.episodes:
        listed = recording.objects(episode.start, episode.stop)
        there = [bool(each) for each in listed]
        for row in range(1, len(there)):
            if there[row - 1] and not there[row]:
                for place, delay in enumerate(DELAYS):
                    ahead = there[row : row + delay]
                    # Until one of its class is back, or another one leaves.
                    if len(ahead) == delay and not any(ahead):
                        counts[place] += 1
    found = holding.data["samples"].sel(target="class of the last object").values
    np.testing.assert_array_equal(found, counts)


def test_units_that_hold_something_are_named_and_so_is_the_direction(holding: Result) -> None:
    kind = holding.data.sel(target="kind of the last object")
    r = kind["correlation"].values
    assert r.shape == (len(DELAYS), 12)
    assert np.abs(r[0]).argmax() == 11 and abs(r[0, 11]) > 0.9, "the unit of the only bad class"
    assert kind["direction"].values.argmin() == 11
    about = json.loads(holding.data.attrs["targets"])[1]
    assert about["classes"] == ["punished", "rewarded"]


def walk(rows: int = 300, episodes: int = 12, delay: int = 4) -> ArrayRecording:
    """A number that changes at random and is seen; the memory is what it was some decisions ago."""
    random = np.random.default_rng(5)
    speed = random.normal(size=(episodes, rows))
    memory = np.stack([np.concatenate([np.zeros(delay), each[:-delay]]) for each in speed])
    events = np.zeros((episodes * rows, 1), np.uint8)
    events[::17] = 1
    world = Declaration(
        "road", "ac" * 32, "", Picture(0, 0, 3), (), variables=(Variable("speed", "m/s"),), events=(Event("tile", 1.0),)
    )
    layers = {"fc": speed.reshape(-1, 1), "rnn": memory.reshape(-1, 1)}
    return ArrayRecording(
        {"speed": speed.ravel(), "events": events, **{name: each.astype(np.float32) for name, each in layers.items()}},
        layers=list(layers),
        roles={"fc": "encoder output", "rnn": "memory"},
        world=world,
        episode_lengths=[rows] * episodes,
    )


def test_without_objects_numbers_are_asked_for_as_they_were_and_will_be() -> None:
    found = memory_decoding(walk(), delays=(1, 2, 4, 8), burn_in_steps=0).data.sel(network="agent")
    assert {"speed before", "speed to come", "event within the last"} <= set(found["target"].values)
    before = found.sel(target="speed before")
    np.testing.assert_allclose(before["added"].values, [0, 0, 1, 0], atol=0.05)
    assert np.isnan(before["lasts"]), "at the first delay nothing is added"
    assert before["p"].values[2] <= 0.05
    assert np.abs(found.sel(target="speed to come")["score"].values).max() < 0.05


def test_what_cannot_be_done_says_why() -> None:
    recording = walk(60, 2)
    with pytest.raises(UserError, match="target 'sped before': unknown in this recording; did you mean 'speed before'"):
        memory_decoding(recording, targets=("sped before",), burn_in_steps=0)
    with pytest.raises(UserError, match="delays has 0"):
        memory_decoding(recording, delays=(0, 1), burn_in_steps=0)
    nothing = ArrayRecording({"rnn": np.random.default_rng(0).normal(size=(80, 3))}, roles={"rnn": "memory"})
    with pytest.raises(NotMeasurable, match="nothing that could be remembered happens 20 times"):
        memory_decoding(nothing, burn_in_steps=0)


@pytest.mark.parametrize(
    ("classes", "present", "both", "added"),
    [
        (0, 0.2, 0.5, 0.3),
        (0, -0.4, 0.5, 0.5),
        (0, -0.4, -0.1, 0.0),
        (0, 0.2, -0.1, -0.2),
        (4, 0.1, 0.2, 0.0),
        (4, 0.1, 0.5, 0.25),
        (4, None, 0.5, 0.25),
    ],
)
def test_nothing_is_added_to_what_misleads(classes: int, present: float | None, both: float, added: float) -> None:
    whole: Any = SimpleNamespace(score=lambda weights: np.full(3, both))
    part: Any = None if present is None else SimpleNamespace(score=lambda weights: np.full(3, present))
    asked: Any = SimpleNamespace(classes=classes)
    np.testing.assert_allclose(_gain(whole, part, asked)(), added)

"""The episode store by itself: whatever was written before, what is there is what the index says, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retinoscope.rollouts.store import Block, EpisodeStore
from retinoscope.rollouts.table import OBJECT, Column

COLUMNS = (
    Column("value", (), (), "float32", "value"),
    Column("object_start", (), (), "int64", "place of the row's first object in the list of objects"),
    Column("object_count", (), (), "uint16", "number of objects in view"),
)
ENVIRONMENTS, BLOCK_STEPS = 2, 4


def new_store(path: Path, steps: int = 8) -> EpisodeStore:
    store = EpisodeStore.create(path, COLUMNS, {"seed": 1}, ENVIRONMENTS, BLOCK_STEPS)
    store.make_room(steps)
    return store


def fill(block: Block, first: int, stop: int) -> Block:
    """These steps of the block, each with as many objects in view as its number in the block, and one more."""
    random = np.random.default_rng(block.number)
    for environment in range(ENVIRONMENTS):
        for step in range(BLOCK_STEPS):
            objects = np.zeros(step + 1, OBJECT)
            objects["distance"] = random.random(step + 1)
            objects["class_index"] = environment
            if first <= step < stop:
                block.objects[environment][step] = objects
                block.columns["value"][environment, step] = objects["distance"].sum()
                block.columns["object_count"][environment, step] = len(objects)
    return block


def files(path: Path) -> dict[str, bytes]:
    return {str(each.relative_to(path)): each.read_bytes() for each in sorted(path.rglob("*")) if each.is_file()}


class Killed:
    """An array at whose turn to be written the writer is killed."""

    def __init__(self, array: Any) -> None:
        self._array, self.shape = array, array.shape

    def __getitem__(self, selection: Any) -> np.ndarray:
        return self._array[selection]

    def __setitem__(self, *_: Any) -> None:
        raise KeyboardInterrupt

    def resize(self, *_: Any) -> None:
        raise KeyboardInterrupt


def append_killed_at(
    store: EpisodeStore, array: str, block: Block, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(store._arrays, array, Killed(store._arrays[array]))
        with pytest.raises(KeyboardInterrupt):
            store.append(block, steps)


@pytest.mark.parametrize("steps", [5, 6, 8])
def test_what_a_killed_writer_left_is_gone_once_the_block_is_written_again(
    steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for fewer steps the second time, fewer objects are written than lie there."""
    killed = new_store(tmp_path / "killed")
    killed.append(fill(killed.new_block(0), 0, 4), 4)
    append_killed_at(killed, "object_distance", fill(killed.new_block(1), 0, 4), 8, monkeypatch)
    again, whole = EpisodeStore(tmp_path / "killed", writable=True), new_store(tmp_path / "whole")
    again.make_room(steps)
    assert again.steps == 4
    again.append(fill(again.new_block(1), 0, steps - 4), steps)
    whole.append(fill(whole.new_block(0), 0, 4), 4)
    whole.append(fill(whole.new_block(1), 0, steps - 4), steps)
    assert files(again.path) == files(whole.path)
    objects = sum(len(each) for number in (0, 1) for each in again.read_objects(number, 0, steps))
    assert again._arrays["object_distance"].shape == (objects,)


def test_a_block_that_was_stored_in_part_keeps_its_rows_and_objects(tmp_path: Path) -> None:
    parts, whole = new_store(tmp_path / "parts", 1), new_store(tmp_path / "whole", 4)
    for first, stop in ((0, 1), (1, 3), (3, 4)):
        parts = EpisodeStore(parts.path, writable=True)
        parts.append(fill(parts.new_block(0), first, stop), stop)
    whole.append(fill(whole.new_block(0), 0, 4), 4)
    assert files(parts.path) == files(whole.path)
    for environment in range(ENVIRONMENTS):
        for one, other in zip(
            parts.read_objects(environment, 0, 4), whole.read_objects(environment, 0, 4), strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_room_for_more_or_fewer_steps_leaves_no_trace_and_takes_nothing_that_is_valid(tmp_path: Path) -> None:
    """As where a recording is killed and then continued with fewer frames."""
    changed, whole = new_store(tmp_path / "changed", 40), new_store(tmp_path / "whole", 4)
    for made in (changed, whole):
        made.append(fill(made.new_block(0), 0, 4), 4)
    assert changed._arrays["value"].shape == (ENVIRONMENTS, 40)
    changed.make_room(1)
    assert files(changed.path) == files(whole.path)


@pytest.mark.parametrize("array", ["value", "object_start", "object_count", "object_class_index", "object_distance"])
def test_killed_while_it_adds_to_a_block_the_writer_leaves_nothing_that_is_read_wrongly(
    array: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, whole = new_store(tmp_path / "killed"), new_store(tmp_path / "whole")
    for made in (store, whole):
        made.append(fill(made.new_block(0), 0, 4), 4)
    store.append(fill(store.new_block(1), 0, 2), 6)
    append_killed_at(store, array, fill(store.new_block(1), 2, 4), 8, monkeypatch)
    left = EpisodeStore(store.path, writable=True)
    whole.append(fill(whole.new_block(1), 0, 4), 8)
    for environment in range(ENVIRONMENTS):
        ours, theirs = (each.read_objects(environment, 0, left.steps) for each in (left, whole))
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
    left.append(fill(left.new_block(1), left.steps - 4, 4), 8)
    assert files(left.path) == files(whole.path)

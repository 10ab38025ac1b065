"""Patches of recordings: real windows of units, all of them, the same for the same seed and batch."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.stimuli.patches import RecordedPatches

FRAMES, HEIGHT, WIDTH = 5, 11, 9
WINDOWS = (1, 3, 6), (0, 2, 4, 6)


def coded() -> np.ndarray:
    """Observations whose channels say frame, row and column."""
    return np.stack(np.meshgrid(*map(np.arange, (FRAMES, HEIGHT, WIDTH)), indexing="ij"), axis=-1).astype(np.uint8)


def test_every_patch_is_the_window_of_a_unit_and_every_unit_gets_its_turn():
    observations, windows = coded(), set()
    for patch in RecordedPatches(observations, *WINDOWS, seed=1).draw(0, 600, (4, 3, 3)):
        frame, row, column = patch[0, 0].astype(int)
        windows.add((frame, row, column))
        np.testing.assert_array_equal(patch, observations[frame, row : row + 4, column : column + 3])
    assert windows == {(f, r, c) for f in range(5) for r in WINDOWS[0] for c in WINDOWS[1]}


def test_a_batch_depends_on_seed_and_number_alone():
    patches = RecordedPatches(coded(), *WINDOWS, seed=1)
    expected = patches.draw(3, 8, (4, 3, 3))
    assert np.array_equal(RecordedPatches(coded(), *WINDOWS, seed=1).draw(3, 8, (4, 3, 3)), expected)
    assert not np.array_equal(patches.draw(4, 8, (4, 3, 3)), expected)


def test_observations_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="at least one"):
        RecordedPatches(coded()[:0])
    with pytest.raises(UserError, match="at least one"):
        RecordedPatches(coded()[0])
    with pytest.raises(UserError, match="11x9x3"):
        RecordedPatches(coded()).draw(0, 1, (12, 3, 3))
    with pytest.raises(UserError, match="11x9x3"):
        RecordedPatches(coded(), columns=(0, 7)).draw(0, 1, (4, 3, 3))
    with pytest.raises(UserError, match="11x9x3"):
        RecordedPatches(coded()).draw(0, 1, (4, 3, 1))

"""A small recording that the tests of this room share; none of them changes it."""

from __future__ import annotations

import pytest

from retinoscope.rollouts import record
from tests.rollouts.recordings import SEED, small_agent, small_arena


@pytest.fixture(scope="session")
def small_recording_arena(tmp_path_factory):
    return small_arena(tmp_path_factory.mktemp("arena"))


@pytest.fixture(scope="session")
def small_recording(small_recording_arena, tmp_path_factory):
    """Three environments of 100 decisions, in stored blocks of 16 steps."""
    out = tmp_path_factory.mktemp("recordings") / "small.zarr"
    return record(small_agent(), small_recording_arena, frames=298, out=out, seed=SEED, environments=3, block_frames=96)

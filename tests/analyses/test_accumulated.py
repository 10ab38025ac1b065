"""Statistics in stretches: those of all rows at once, whoever adds them up."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

from retinoscope.analyses.accumulated import accumulated
from retinoscope.rollouts import ArrayRecording, join, open_recording, record
from retinoscope.scale.work import computing_on
from retinoscope.statistics.covariance import Covariance
from tests.worlds.grid_agents import agent_in, grid_world


def add(sums: dict[str, Covariance], block: xarray.Dataset) -> None:
    for name, each in sums.items():
        each.update(block[name].values)


def test_stretches_of_arrays_add_up_to_all_rows() -> None:
    values = np.random.default_rng(0).normal(3, 1, (5000, 4)).cumsum(axis=1)
    found = accumulated(ArrayRecording({"layer": values}), ["layer"], {"layer": Covariance(4)}, add, stretch=700)
    np.testing.assert_allclose(found["layer"].finalize().covariance, np.cov(values.T), rtol=1e-10)
    assert found["layer"].finalize().count == 5000


def test_joined_parts_are_added_up_by_processes_to_the_same_bits(tmp_path) -> None:
    agent = agent_in(grid_world())
    for number in (1, 2):
        record(agent, frames=120, environments=2, out=tmp_path / "parts", part=f"{number}/2", workers=1)
    recording = join(tmp_path / "parts")
    name = next(iter(recording.attributes["layers"]))
    empty = {name: Covariance(recording.attributes["layers"][name])}
    here = accumulated(recording, [name], empty, add, stretch=50)[name].finalize()
    with computing_on(workers=2):
        there = accumulated(recording, [name], empty, add, stretch=50)[name].finalize()
    np.testing.assert_array_equal(here.covariance, there.covariance)
    np.testing.assert_allclose(here.covariance, np.cov(recording.rows()[name].values.T), rtol=1e-6, atol=1e-12)
    assert empty[name].count == 0
    assert open_recording(tmp_path / "parts").frames == 120


def test_stretches_fail_as_one_recording_does() -> None:
    with pytest.raises(KeyError):
        accumulated(ArrayRecording({"layer": np.zeros((9, 2))}), [], {"layer": Covariance(2)}, add)

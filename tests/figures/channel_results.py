"""A small Result of `channel_statistics`, from a planted filter under correlated pictures."""

from __future__ import annotations

import functools

import numpy as np

from retinoscope.analyses.early_vision.channel_statistics import channel_statistics
from retinoscope.result import Result
from tests.natural_scenes import noise_pictures, planted_agent, recording_of_pictures

SHAPE = (34, 42, 1)


def planted() -> Result:
    found = _computed()
    return Result(found.analysis, found.data.copy(), dict(found.parameters), {**found.provenance, "agent": "planted"})


@functools.cache
def _computed() -> Result:
    filters = np.random.default_rng(0).normal(size=(4, 3, 3, 1))
    agent = planted_agent(filters, SHAPE)
    recording = recording_of_pictures(agent, noise_pictures(40, SHAPE, 1.0, seed=2))
    return channel_statistics(recording, agent=agent, layers=("conv1",), untrained=1)

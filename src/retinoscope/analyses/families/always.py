"""The analyses that are quick enough to run every time."""

from __future__ import annotations

from retinoscope.analyses.analysis import ALWAYS, Analysis, Inputs, Options
from retinoscope.analyses.receptive_field_parameters import chosen_layers
from retinoscope.analyses.receptive_fields import receptive_fields
from retinoscope.analyses.result import Result
from retinoscope.analyses.simulation import simulation

SIMULATED_DECISIONS = 1000
"""The most that `analyze` puts into the simulation movie; longer recordings are for other analyses."""


def _simulation(inputs: Inputs, options: Options) -> Result:
    return simulation(inputs.recording, frames=min(options.frames, SIMULATED_DECISIONS))


def _receptive_fields(inputs: Inputs, options: Options) -> Result:
    chosen = chosen_layers(options.layers)
    return receptive_fields(inputs.agent, method=options.method, seed=options.seed, progress=options.progress, **chosen)


ANALYSES: tuple[Analysis, ...] = (
    Analysis("simulation", "Simulation", ALWAYS, ("recording",), _simulation),
    Analysis("receptive_fields", "Receptive fields", ALWAYS, ("agent",), _receptive_fields),
)

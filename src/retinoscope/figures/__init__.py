"""Result in, Figure or movie out; nothing here computes and nothing here saves."""

from retinoscope.figures.receptive_fields import receptive_fields, receptive_fields_all
from retinoscope.figures.scenario_preview import scenario_preview
from retinoscope.figures.simulation import simulation_frames, simulation_summary

__all__ = [
    "receptive_fields",
    "receptive_fields_all",
    "scenario_preview",
    "simulation_frames",
    "simulation_summary",
]

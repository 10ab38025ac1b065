"""One file per analysis: what it needs, its parameters, run -> Result."""

from retinoscope.analyses.receptive_fields import cross_check, receptive_fields
from retinoscope.analyses.scenario_preview import scenario_preview
from retinoscope.analyses.simulation import simulation

__all__ = ["cross_check", "receptive_fields", "scenario_preview", "simulation"]

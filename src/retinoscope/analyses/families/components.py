"""Independent components of the memory: `--responses components`."""

from __future__ import annotations

from retinoscope.analyses.analysis import Analysis

ANALYSES: tuple[Analysis, ...] = ()

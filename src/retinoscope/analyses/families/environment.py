"""Responses during behaviour: `--responses environment`."""

from __future__ import annotations

from retinoscope.analyses.analysis import Analysis

ANALYSES: tuple[Analysis, ...] = ()

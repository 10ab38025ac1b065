"""Responses to image data sets: `--responses dataset`."""

from __future__ import annotations

from retinoscope.analyses.analysis import Analysis

ANALYSES: tuple[Analysis, ...] = ()

"""Recordings in the formats of others: NWB, Minari and NumPy's archives; and Minari data sets as recordings."""

from __future__ import annotations

from retinoscope.exports.exporting import FORMATS, export
from retinoscope.exports.minari_sets import from_minari

__all__ = ["FORMATS", "export", "from_minari"]

"""The numbers that a world declares, as a Result holds them: what they are called, and the range that is drawn."""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np
import xarray

__all__: list[str] = []


class ShownNumber(NamedTuple):
    """One number of a world over time.

    Attributes:
        name: as the world declares it.
        title: for people, without units.
        units: empty where it has none.
        kind: `quantity`, `place` or `heading`.
        low, high: what is declared, or else what occurs.
        is_bounded: both ends were declared.
        values: (time,) float64.
    """

    name: str
    title: str
    units: str
    kind: str
    low: float
    high: float
    is_bounded: bool
    values: np.ndarray

    @property
    def label(self) -> str:
        """With units, for axes."""
        return f"{self.title} ({self.units})" if self.units else self.title

    @property
    def ends(self) -> tuple[float, float]:
        """The range that is drawn: what is declared, and all that occurs."""
        known = self.values[np.isfinite(self.values)]
        return min(self.low, known.min(initial=self.low)), max(self.high, known.max(initial=self.high))


def numbers_in(data: xarray.Dataset) -> list[ShownNumber]:
    """Those that `analyses.recorded.with_numbers` put into the data of a Result, in order."""
    found = []
    for each in json.loads(data.attrs.get("variables", "[]")):
        values = data[each["stored"]].values.astype(np.float64)
        known = values[np.isfinite(values)]
        lowest, highest = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        low = lowest if each["low"] is None else float(each["low"])
        high = max(highest, low) if each["high"] is None else float(each["high"])
        units = "" if each["units"].casefold() == each["title"].casefold() else each["units"]
        is_bounded = each["low"] is not None and each["high"] is not None
        found.append(ShownNumber(each["name"], each["title"], units, each["kind"], low, high, is_bounded, values))
    return found


def capital(text: str) -> str:
    """The text with a capital letter at its beginning, and the others as they are."""
    return text[:1].upper() + text[1:]

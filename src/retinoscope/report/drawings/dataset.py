"""What is drawn of responses to image data sets."""

from __future__ import annotations

from collections.abc import Callable

from retinoscope.analyses.result import Result
from retinoscope.report.drawings.drawing import Drawing

DRAWINGS: dict[str, Callable[[Result], list[Drawing]]] = {}

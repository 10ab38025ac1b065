"""What moves a unit, an action or the value: gradients through a Policy, and the pixels they lead to."""

from retinoscope.attribution.attribute import (
    attribute,
    attribute_targets,
    attribute_through_time,
    attribute_window_targets,
    attribute_windows,
    baseline_frame,
)
from retinoscope.attribution.parameters import ATTRIBUTION_METHODS, AttributionMethod, AttributionParameters
from retinoscope.attribution.targets import Target, default_targets, parse_target

__all__ = [
    "ATTRIBUTION_METHODS",
    "AttributionMethod",
    "AttributionParameters",
    "Target",
    "attribute",
    "attribute_targets",
    "attribute_through_time",
    "attribute_window_targets",
    "attribute_windows",
    "baseline_frame",
    "default_targets",
    "parse_target",
]

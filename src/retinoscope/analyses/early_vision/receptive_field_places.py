"""Where the receptive fields of a map lie in the picture, for whoever reads a Result and for its captions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retinoscope.agents.policy import Layer, Policy
from retinoscope.statistics.receptive_fields import ReceptiveFieldEstimate, core_of

_WORTH_CUTTING = 0.5  # share of the area that a part to be drawn may have at most


def places_of(policy: Policy, layer: Layer) -> dict[str, Any]:
    """Where the units of a map look, as attributes that can be saved.

    Returns:
        `field_height`, `field_width`: pixels that a unit sees, which may exceed the picture. `row_stride_pixels`,
        `column_stride_pixels`: from one unit to the next; 0 where they are not evenly spaced, or not known. `top`,
        `left`: first pixel of the first unit, negative through padding. `unit_row`, `unit_column`, `unit_rows`,
        `unit_columns`: the unit that answered, and how many there are. `whole_pictures`: 1 if it was shown these and
        not its field. `border_units_see_less`: 1 if some do. `note`: what could not be followed; empty as a rule.
    """
    field, (row, column) = policy.receptive_field(layer.name), policy.middle_unit(layer.name)
    _, rows, columns = layer.shape
    is_even = bool(field.row_stride and field.column_stride)
    return {
        "field_height": field.height,
        "field_width": field.width,
        "row_stride_pixels": field.row_stride,
        "column_stride_pixels": field.column_stride,
        "top": field.top,
        "left": field.left,
        "unit_row": row,
        "unit_column": column,
        "unit_rows": rows,
        "unit_columns": columns,
        "whole_pictures": int(policy.stimulus_shape(layer.name) == policy.observation_shape),
        "border_units_see_less": int(is_even and not (field.is_whole(0, 0) and field.is_whole(rows - 1, columns - 1))),
        "note": field.note,
    }


def windows_of(policy: Policy, layer: Layer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First rows and first columns of the pixels that units of a layer are shown, of all whose field is whole."""
    if policy.stimulus_shape(layer.name) == policy.observation_shape:
        return (0,), (0,)
    field, (row, column) = policy.receptive_field(layer.name), policy.middle_unit(layer.name)
    _, rows, columns = layer.shape
    # Where spacing is not even, every unit would be placed where the middle one is.
    tops = {field.starts(each, column)[0] for each in range(rows) if field.is_whole(each, column)}
    lefts = {field.starts(row, each)[1] for each in range(columns) if field.is_whole(row, each)}
    return tuple(sorted(tops)), tuple(sorted(lefts))


def drawn_part(attributes: Mapping[str, Any], estimate: ReceptiveFieldEstimate) -> dict[str, int]:
    """The rows and columns of a map's stimuli that are drawn, where these show far more than its units really see.

    Returns:
        `drawn_top`, `drawn_bottom`, `drawn_left`, `drawn_right` (the lower and right end not included), as attributes;
        empty where all is drawn: where stimuli are the fields themselves, or weights lie everywhere in them.
    """
    if not attributes["whole_pictures"] and attributes["row_stride_pixels"] and attributes["column_stride_pixels"]:
        return {}
    height, width = estimate.fields.shape[1:3]
    rows, columns = core_of(estimate)
    if (rows.stop - rows.start) * (columns.stop - columns.start) > _WORTH_CUTTING * height * width:
        return {}
    ends = {
        "drawn_top": rows.start,
        "drawn_bottom": rows.stop,
        "drawn_left": columns.start,
        "drawn_right": columns.stop,
    }
    return {name: int(end) for name, end in ends.items()}


def said_of_places(attributes: Mapping[str, Any], height: int, width: int) -> tuple[str, list[str]]:
    """What a unit was shown, (height, width) pixels, within a sentence; and further sentences about its place."""
    window, size = f"{height} × {width} pixels", (attributes.get("field_height"), attributes.get("field_width"))
    if "field_height" not in attributes:
        return window, []
    row, column, rows, columns = (attributes[f"unit_{name}"] for name in ("row", "column", "rows", "columns"))
    middle = f"row {row + 1} of {rows}, column {column + 1} of {columns}"
    note = str(attributes["note"])
    more = [f"Note: {note}."] if note else []
    if "drawn_top" in attributes:
        top, bottom, left, right = (attributes[f"drawn_{each}"] for each in ("top", "bottom", "left", "right"))
        more.append(
            f"Drawn are rows {top} to {bottom - 1} and columns {left} to {right - 1} of these, which hold 99% of the "
            "squared weights."
        )
    if attributes["whole_pictures"]:
        if size == (height, width):
            return f"whole pictures of {window}", more
        why = f"Whole pictures, because fields of {size[0]} × {size[1]} pixels do not fit into one"
        return f"whole pictures of {window}", [f"{why}: answers are those of the unit in {middle}.", *more]
    down, across = attributes["row_stride_pixels"], attributes["column_stride_pixels"]
    if not (down and across):
        return f"patches of {window}", [f"These are the fields of the unit in {middle}.", *more]
    stride = f"stride {down}" if down == across else f"strides {down} (rows) and {across} (columns)"
    top, left = attributes["top"], attributes["left"]
    if top or left:
        where = f"The first field begins at row {top}, column {left} of the picture".replace("-", "−")
        less = ": units at its border see less of it than others" if attributes["border_units_see_less"] else ""
        more.insert(0, f"{where}{less}.")
    elif attributes["border_units_see_less"]:
        more.insert(0, "Units at the border of the picture see less of it than others.")
    return f"patches of {window}, {stride}", more

"""What the explorer shows of attribution during behaviour: the maps of every target, with their verdict."""

from __future__ import annotations

from retinoscope.analyses.exploring import Panel, SaliencyPanel, SaliencyTarget
from retinoscope.result import Result


def panels(result: Result) -> list[Panel]:
    """Of a Result of `episode_attribution`; none of one of before, which does not say at which rows it was made."""
    data = result.data
    if "row" not in data.coords:
        return []
    rows, targets = data["row"].values, []
    for name in map(str, data["target"].values):
        at = data.sel(target=name)
        layer, unit = _unit_of(name)
        targets.append(
            SaliencyTarget(
                name,
                name.replace(":", ": "),
                rows,
                at["map"].values,
                float(at["scale"]),
                layer,
                unit,
                verdict=str(data.attrs[f"badge {name}"]),
                has_passed=bool(at["passed"]),
            )
        )
    caption, title = str(data.attrs["caption"]), "What moves value and actions"
    return [SaliencyPanel("episode_attribution", title, caption, tuple(targets))]


def _unit_of(target: str) -> tuple[str | None, int | None]:
    """Of `fc:12` the layer and the unit; of a place of a map, which is no unit of the recording, the layer alone."""
    layer, colon, rest = target.partition(":")
    places = rest.split(",")
    if not colon or not all(each.strip().isdecimal() for each in places):
        return None, None
    return layer, int(places[0]) if len(places) == 1 else None

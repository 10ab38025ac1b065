"""What is drawn of the checks of attribution methods: one figure, and tables of every method."""

from __future__ import annotations

import xarray

from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import Panel, table_panel
from retinoscope.result import Result


def drawings_of(result: Result) -> list[Drawing]:
    """The figure of all checks that were made, and the tables.

    Where no objects in view were known there is no third check, and the Result has no `agreement`.
    """
    from retinoscope.figures.attribution_checks import attribution_checks as draw

    caption = (
        f"{result.data.attrs['caption']} Mean over all targets. (a) Rank correlation of maps before and after the "
        "parameters are randomised, from the outputs down to each layer: low is good. For signed maps it is taken "
        "without its sign, since random outputs may turn the sign of a whole map, and above chance, which is what one "
        "map rolled by half gives. Absolute maps stay more alike because both networks see the same objects; they are "
        f"not judged: the verdict is about signed maps, from {_judged_from(result)} down. (b) How the target follows "
        "when pixels are deleted (fast rise is good) or inserted (fast fall is good), most attributed first."
    )
    if _has_agreement(result):
        caption += " (c) Attribution on an object against the true change when it is painted out."
    figure = FigureDrawing("attribution_checks", "Are the maps about the agent?", caption, lambda: draw(result))
    return [figure, *_tables(result)]


def tables_of(result: Result) -> list[Panel]:
    """The verdicts, as tables of the explorer."""
    return [table_panel(each) for each in _tables(result)]


def _tables(result: Result) -> tuple[TableDrawing, TableDrawing]:
    title = "Attribution methods, ranked for this agent"
    return _ranking_table(result, "all", "attribution_checks", title), _target_table(result)


_COLUMNS = (
    "rank",
    "method",
    "(a) |ρ| after randomisation",
    "(a) chance",
    "(a) verdict",
    "(a) absolute maps ρ",
    "(b) deletion gain",
    "(b) insertion gain",
    "(c) ρ signed",
    "(c) ρ absolute",
)
_GAINS = ("deletion", "insertion")
_OF_OBJECTS = 2  # of the columns, the last


def _has_agreement(result: Result) -> bool:
    return "agreement" in result.data


def _columns(result: Result) -> tuple[str, ...]:
    return _COLUMNS if _has_agreement(result) else _COLUMNS[:-_OF_OBJECTS]


def _ranking_table(result: Result, target: str, name: str, title: str) -> TableDrawing:
    data, nothing = result.data, _nothing(result)
    caption = (
        f"{data.attrs['caption']} Targets: {', '.join(result.parameters['targets'])}; means over them. (a) Rank "
        "correlation of signed maps before and after the parameters are randomised, without its sign, mean over "
        f"frames; the worst of the stages from {_judged_from(result)} down. Every stretch has random parameters of its "
        "own, and frames without anything to see are left out for methods with a baseline. Chance: one map rolled by "
        f"half; passed if at most {data.attrs['threshold']:g} above it. Absolute maps are not judged: they stay more "
        "alike because both networks see the same objects. (b) Area between the curves of the method and of random "
        f"order, in units of the mean change from frame to {nothing}; chance is 0, more is better. Methods with a "
        f"baseline know where the frame differs from the {nothing}; what that gives without any network is in the last "
        "row, and only what exceeds it tells of this agent. "
    )
    if _has_agreement(result):
        size = _interval(data["agreement_of_size"].sel(target=target))
        caption += (
            "(c) Over objects in view, rank correlation of the true change when the object is painted out with the "
            f"attribution on it; chance is 0 for signed, and {size} for absolute ones, what the object's size alone "
            "gives. "
        )
    ways = "(b) and (c)" if _has_agreement(result) else "(b)"
    caption += f"Rank: methods that pass (a) first, then by the mean place in {ways}."
    order = data["rank"].values.argsort()
    rows = tuple(_row(result, str(data["attribution_method"].values[index]), target) for index in order)
    rows += (_without_network(result, target),)
    return TableDrawing(name, title, caption, _columns(result), rows)


def _nothing(result: Result) -> str:
    """What frames are compared with, in two words."""
    return "empty view" if result.data.attrs.get("is_emptied", 1) else "baseline"


def _judged_from(result: Result) -> str:
    """Name of the first stage of the cascade that is judged."""
    return str(result.data["stage"].values[int(result.data.attrs["judged_stage"])])


def _row(result: Result, method: str, target: str) -> tuple[str | int | float, ...]:
    from retinoscope.figures.attribution_checks import spoken

    one = result.data.sel(attribution_method=method, target=target)
    judged = int(result.data.attrs["judged_stage"])
    excess = one["strength"].sel(statistic="estimate") - one["strength_chance"]
    worst = judged + int(excess.values[judged:].argmax())
    similar, strong, chance = (one[name].isel(stage=worst) for name in ("similarity", "strength", "strength_chance"))
    row = (
        int(one["rank"]),
        spoken(method),
        _interval(strong),
        f"{float(chance):.2f}",
        "passed" if bool(one["passed"]) else "FAILED",
        _interval(similar.sel(map="absolute")),
        _interval(one["deletion_gain"]),
        _interval(one["insertion_gain"]),
    )
    if not _has_agreement(result):
        return row
    return (*row, *(_interval(one["agreement"].sel(map=each)) for each in ("signed", "absolute")))


def _without_network(result: Result, target: str) -> tuple[str | int | float, ...]:
    """What the pixels' difference from the baseline gives, the network never being asked."""
    deletion, insertion = (_interval(result.data[f"{name}_gain_of_difference"].sel(target=target)) for name in _GAINS)
    row = ("", "pixel difference, no network", "", "", "", "", deletion, insertion)
    if not _has_agreement(result):
        return row
    return (*row, "", _interval(result.data["agreement_of_difference"].sel(target=target)))


def _target_table(result: Result) -> TableDrawing:
    """Every method and target."""
    targets = [str(each) for each in result.data["target"].values if str(each) != "all"]
    methods = [str(each) for each in result.data["attribution_method"].values]
    rows = tuple(
        (target.replace(":", ": "), *_row(result, method, target)[1:]) for target in targets for method in methods
    )
    caption = f"{result.data.attrs['caption']} As the table above, for every target."
    title = "Attribution methods, target by target"
    return TableDrawing("attribution_checks_by_target", title, caption, ("target", *_columns(result)[1:]), rows)


def _interval(values: xarray.DataArray) -> str:
    estimate, low, high = (float(each) for each in values.values)
    return f"{estimate:.2f} [{low:.2f}, {high:.2f}]".replace("-", "−")

"""What is drawn of attribution."""

from __future__ import annotations

import functools
from collections.abc import Callable

import xarray

from retinoscope.analyses.drawing import Drawing, FigureDrawing, MovieDrawing, TableDrawing
from retinoscope.figures.attribution import (
    attribution,
    attribution_caption,
    attribution_frames,
    attribution_lags,
    attribution_through_time,
)
from retinoscope.figures.attribution_checks import attribution_checks, spoken
from retinoscope.page.drawings.always import SPEED
from retinoscope.result import Result


def _attribution(result: Result) -> list[Drawing]:
    rate = SPEED * float(result.data.attrs["decisions_per_second"])
    drawings: list[Drawing] = []
    for target in map(str, result.data["target"].values):
        name, caption = f"attribution_{_file_name(target)}", attribution_caption(result, target)
        movie = (
            f"{caption} One scale for the whole movie, ±{float(result.data['scale'].sel(target=target)):.2g}: all but "
            f"one in a thousand of the pixels that are not zero lie within; the others are drawn at its ends. Shown at "
            f"{SPEED:g} times the speed of the game."
        )
        title = f"What moves the {target.replace(':', ' of ', 1)}"
        frames = functools.partial(attribution_frames, result, target)
        drawings.append(MovieDrawing(name, title, movie, frames, rate))
        sheet = functools.partial(attribution, result, target)
        drawings.append(FigureDrawing(name, title, caption, sheet, says_caption=True))
    return [*drawings, *_through_time(result)]


def _through_time(result: Result) -> list[Drawing]:
    attributes, first = result.data.attrs, str(result.data["target"].values[0])
    caption = (
        f"Share of the absolute gradient of each target that falls on the observation so many decisions before; "
        f"{attributes['lag_times']} decisions of the episode, bars are 95% bootstrap intervals over "
        f"{attributes['lag_stretches']} stretches of them. Truncated after {attributes['lag_steps']} steps: gradients "
        "that would reach further back are left out, and shares add up to one within these. Were all observations of "
        f"the same weight, each would have {100 / (attributes['lag_steps'] + 1):.1f}%."
    )
    return [
        FigureDrawing(
            "attribution_lags", "How far back attribution reaches", caption, lambda: attribution_lags(result)
        ),
        FigureDrawing(
            "attribution_through_time",
            f"The past in the {first}",
            str(attributes[f"gradient badge {first}"]),
            lambda: attribution_through_time(result),
            says_caption=True,
        ),
    ]


def _attribution_checks(result: Result) -> list[Drawing]:
    caption = (
        f"{result.data.attrs['caption']} Mean over all targets. (a) Rank correlation of maps before and after the "
        "parameters are randomised, from the outputs down to each layer: low is good. For signed maps it is taken "
        "without its sign, since random outputs may turn the sign of a whole map, and above chance, which is what one "
        "map rolled by half gives. Absolute maps stay more alike because both networks see the same objects; they are "
        f"not judged: the verdict is about signed maps, from {_judged_from(result)} down. (b) How the target follows "
        "when pixels are deleted (fast rise is good) or inserted (fast fall is good), most attributed first. (c) "
        "Attribution on an object against the true change when it is painted out."
    )
    figure = FigureDrawing(
        "attribution_checks", "Are the maps about the agent?", caption, lambda: attribution_checks(result)
    )
    return [
        figure,
        _ranking_table(result, "all", "attribution_checks", "Attribution methods, ranked for this agent"),
        _target_table(result),
    ]


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


def _ranking_table(result: Result, target: str, name: str, title: str) -> TableDrawing:
    data = result.data
    size = _interval(data["agreement_of_size"].sel(target=target))
    caption = (
        f"{data.attrs['caption']} Targets: {', '.join(result.parameters['targets'])}; means over them. (a) Rank "
        "correlation of signed maps before and after the parameters are randomised, without its sign, mean over "
        f"frames; the worst of the stages from {_judged_from(result)} down. Every stretch has random parameters of its "
        "own, and frames without anything to see are left out for methods with a baseline. Chance: one map rolled by "
        f"half; passed if at most {data.attrs['threshold']:g} above it. Absolute maps are not judged: they stay more "
        "alike because both networks see the same objects. (b) Area between the curves of the method and of random "
        "order, in units of the mean change from frame to empty view; chance is 0, more is better. Methods with a "
        "baseline know where the frame differs from the empty view; what that gives without any network is in the last "
        "row, and only what exceeds it tells of this agent. (c) Over "
        "objects in view, rank correlation of the true change when the object is painted out with the attribution on "
        f"it; chance is 0 for signed, and {size} for absolute ones, what the object's size alone gives. Rank: methods "
        "that pass (a) first, then by the mean place in (b) and (c)."
    )
    order = data["rank"].values.argsort()
    rows = tuple(_row(result, str(data["attribution_method"].values[index]), target) for index in order)
    rows += (_without_network(result, target),)
    return TableDrawing(name, title, caption, _COLUMNS, rows)


def _judged_from(result: Result) -> str:
    """Name of the first stage of the cascade that is judged."""
    return str(result.data["stage"].values[int(result.data.attrs["judged_stage"])])


def _row(result: Result, method: str, target: str) -> tuple[str | int | float, ...]:
    one = result.data.sel(attribution_method=method, target=target)
    judged = int(result.data.attrs["judged_stage"])
    excess = one["strength"].sel(statistic="estimate") - one["strength_chance"]
    worst = judged + int(excess.values[judged:].argmax())
    similar, strong, chance = (one[name].isel(stage=worst) for name in ("similarity", "strength", "strength_chance"))
    return (
        int(one["rank"]),
        spoken(method),
        _interval(strong),
        f"{float(chance):.2f}",
        "passed" if bool(one["passed"]) else "FAILED",
        _interval(similar.sel(map="absolute")),
        _interval(one["deletion_gain"]),
        _interval(one["insertion_gain"]),
        _interval(one["agreement"].sel(map="signed")),
        _interval(one["agreement"].sel(map="absolute")),
    )


def _without_network(result: Result, target: str) -> tuple[str | int | float, ...]:
    """What the pixels' difference from the view without stimuli gives, the network never being asked."""
    names = ("deletion_gain_of_difference", "insertion_gain_of_difference", "agreement_of_difference")
    deletion, insertion, agrees = (_interval(result.data[name].sel(target=target)) for name in names)
    return ("", "pixel difference, no network", "", "", "", "", deletion, insertion, "", agrees)


def _target_table(result: Result) -> TableDrawing:
    """Every method and target."""
    targets = [str(each) for each in result.data["target"].values if str(each) != "all"]
    methods = [str(each) for each in result.data["attribution_method"].values]
    rows = tuple(
        (target.replace(":", ": "), *_row(result, method, target)[1:]) for target in targets for method in methods
    )
    caption = f"{result.data.attrs['caption']} As the table above, for every target."
    title = "Attribution methods, target by target"
    return TableDrawing("attribution_checks_by_target", title, caption, ("target", *_COLUMNS[1:]), rows)


def _interval(values: xarray.DataArray) -> str:
    estimate, low, high = (float(each) for each in values.values)
    return f"{estimate:.2f} [{low:.2f}, {high:.2f}]".replace("-", "−")


def _file_name(target: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in target.removeprefix("probability:"))


DRAWINGS: dict[str, Callable[[Result], list[Drawing]]] = {
    "attribution": _attribution,
    "attribution_checks": _attribution_checks,
}

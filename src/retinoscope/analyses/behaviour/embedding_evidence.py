"""The evidence that belongs to an embedding: what it keeps, and how much of it is mere time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.statistics.bootstrap import Interval, bootstrap_interval, ratio_of_sums
from retinoscope.statistics.embedding import nearest_neighbours
from retinoscope.statistics.embedding_quality import (
    are_close_in_time,
    chance_of_keeping,
    chance_of_same_class,
    neighbours_kept,
    neighbours_of_same_class,
    time_neighbours,
)

LABELS = ("action", "nearest")
_LABEL_TEXT = {"action": "action", "nearest": "class of the nearest object in view"}
_MOSTLY = 0.5  # of the share that is possible: from here on neighbours are said to be mostly neighbours in time


def evidence(data: xarray.Dataset, original: Sequence[NDArray], within_steps: int, jobs: int) -> xarray.Dataset:
    """Compare neighbours in the embedding of each layer with those before.

    Args:
        data: with `embedding`, `episode`, `step` and the labels, see `embedding`.
        original: for each layer the nearest neighbours (point, neighbour) in its own space.
        within_steps: how far apart in an episode neighbours in time may be.
        jobs: threads.
    """
    episode, step = data["episode"].values, data["step"].values
    found: dict[str, list[float]] = {}
    labels = [label for label in LABELS if label in data]
    same = np.full((2, len(original), len(labels)), np.nan)
    chance = np.full((len(original), len(labels)), np.nan)
    for row, before in enumerate(original):
        after, _ = nearest_neighbours(data["embedding"].values[row], before.shape[1], jobs)
        in_time = time_neighbours(after, episode, step, within_steps)
        measured: dict[str, float] = {
            **_interval("kept", neighbours_kept(before, after), episode),
            "kept_chance": chance_of_keeping(len(after), after.shape[1]),
            **_interval("time_share", in_time.share, episode),
            "time_share_original": float(time_neighbours(before, episode, step, within_steps).share.mean()),
            "time_share_chance": float(in_time.chance.mean()),
            "time_share_most": float(in_time.most.mean()),
        }
        for name, value in measured.items():
            found.setdefault(name, []).append(value)
        for column, label in enumerate(labels):
            for where, neighbours in enumerate((after, before)):
                close = are_close_in_time(neighbours, episode, step, within_steps)
                alike, counted = neighbours_of_same_class(neighbours, data[label].values, close)
                if counted.sum():
                    same[where, row, column] = alike.sum() / counted.sum()
                if not where:
                    chance[row, column] = chance_of_same_class(data[label].values, counted)
    return xarray.Dataset(
        {
            **{name: ("layer", values, {"units": "1"}) for name, values in found.items()},
            "same_label": (("layer", "label"), same[0], {"units": "1"}),
            "same_label_original": (("layer", "label"), same[1], {"units": "1"}),
            "same_label_chance": (("layer", "label"), chance, {"units": "1"}),
        },
        coords={"label": np.array(labels, dtype=str)},
    )


def evidence_sentences(data: xarray.Dataset, neighbours: int, within_steps: int) -> str:
    """What the numbers say, for captions."""
    span = f"{within_steps} decisions"
    if data.attrs["clock_units"] == "s":
        span = f"{within_steps * data.attrs['seconds_per_decision']:.1f} s"
    kept, in_time, mostly = [], [], []
    for name in data["layer"].values:
        at = {str(each): float(data[each].sel(layer=name)) for each in data.data_vars if data[each].dims == ("layer",)}
        kept.append(f"{name} {at['kept']:.1%}{_range(at, 'kept')}, by chance {at['kept_chance']:.2%}")
        in_time.append(
            f"{name} {at['time_share']:.0%}{_range(at, 'time_share')}, before embedding "
            f"{at['time_share_original']:.0%}, by chance {at['time_share_chance']:.2%}"
        )
        if at["time_share"] > _MOSTLY * at["time_share_most"]:
            mostly.append(str(name))
    sentences = [
        f"Of the {neighbours} nearest neighbours the embedding keeps: {'; '.join(kept)} (95% bootstrap intervals over "
        "episodes).",
        f"Mere neighbours in time (same episode, within {span}) among the neighbours in the embedding: "
        f"{'; '.join(in_time)}.",
    ]
    if mostly:
        sentences.append(
            f"In {' and '.join(mostly)}, neighbours are mostly neighbours in time: threads and clusters show when, "
            "before they show what."
        )
    for label in data["label"].values.tolist():
        chosen = data.sel(label=label)
        shares = [
            f"{name} {share:.0%} (chance {chance:.0%})"
            for name, share, chance in zip(
                data["layer"].values, chosen["same_label"].values, chosen["same_label_chance"].values, strict=True
            )
            if np.isfinite(share)
        ]
        if shares:
            sentences.append(f"Of the others share the {_LABEL_TEXT[label]}: {', '.join(shares)}.")
    return " ".join(sentences)


def _interval(name: str, values: NDArray, episode: NDArray) -> dict[str, float]:
    """Mean over points, with an interval over episodes; NaN if there is only one."""
    _, index = np.unique(episode, return_inverse=True)
    table = np.stack([np.bincount(index, values), np.bincount(index)], axis=1)
    interval = Interval(float(values.mean()), np.nan, np.nan)
    if len(table) > 1:
        interval = bootstrap_interval(table, ratio_of_sums)
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _range(at: dict[str, float], name: str) -> str:
    low, high = at[f"{name}_low"], at[f"{name}_high"]
    return f" ({low:.1%} to {high:.1%})" if np.isfinite(low) else ""

"""The numbers of `memory_decoding` as a dataset, with p, how long something lasts, and when half of it is gone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.memory.remembered import Past
from retinoscope.statistics.held_out_decoding import lasting


def dataset_of(
    networks: Sequence[str],
    sources: Sequence[str],
    targets: Sequence[Past],
    delays: list[int],
    score: NDArray,
    added: NDArray,
    low: NDArray,
    high: NDArray,
    shifted: NDArray,
    samples: NDArray,
    level: float,
) -> xarray.Dataset:
    """All of it.

    Args:
        networks: names, the agent first.
        sources: names of what was read.
        targets: what was asked for.
        delays: at which, rising.
        score: (network, source, target, delay) of each read-out.
        added: (network, target, delay) by the memory.
        low: of its interval.
        high: likewise.
        shifted: (target, shift, delay) added by a shifted memory.
        samples: (target, delay).
        level: family-wise error rate over delays.
    """
    p = np.full(samples.shape, np.nan)
    lasts, half = np.full(len(targets), np.nan), np.full(len(targets), np.nan)
    for number in range(len(targets)):
        p[number], lasts[number], half[number] = lasting(np.array(delays), added[0, number], shifted[number], level)
    is_known = np.isfinite(shifted).any(axis=1)
    middle, least, most = (np.full(samples.shape, np.nan) for _ in range(3))
    for number, place in np.argwhere(is_known):
        middle[number, place] = shifted[number, :, place].mean()
        least[number, place], most[number, place] = np.quantile(shifted[number, :, place], (0.05, 0.95))
    over, gain = ("target", "delay"), ("network", "target", "delay")
    variables: dict[str, Any] = {
        "score": (
            ("network", "source", *over),
            score,
            {"units": "1", "long_name": "balanced accuracy, or share of variance explained"},
        ),
        "by_chance": ("target", [1 / len(each.classes) if each.classes else 0.0 for each in targets], {"units": "1"}),
        "samples": (over, samples, {"units": "samples"}),
        "added": (gain, added, {"units": "1", "long_name": "added by the memory"}),
        "added_low": (gain, low, {"units": "1"}),
        "added_high": (gain, high, {"units": "1"}),
        "added_chance": (over, middle, {"units": "1", "long_name": "added by a shifted memory, mean"}),
        "added_chance_low": (over, least, {"units": "1", "long_name": "the same, 5th percentile"}),
        "added_chance_high": (over, most, {"units": "1", "long_name": "the same, 95th percentile"}),
        "p": (over, p, {"units": "1", "long_name": "of what is added, over the delays of a target"}),
        "lasts": (
            "target",
            lasts,
            {"units": "decisions", "long_name": "last delay at which the memory adds something"},
        ),
        "half_life": ("target", half, {"units": "decisions", "long_name": "half of what it adds is gone"}),
    }
    coordinates = {
        "network": list(networks),
        "source": list(sources),
        "target": [each.name for each in targets],
        "delay": ("delay", delays, {"units": "decisions"}),
    }
    listed = [
        {"name": each.name, "about": each.about, "classes": list(each.classes), "units": each.units}
        | {"is_to_come": each.is_to_come}
        for each in targets
    ]
    return xarray.Dataset(variables, coordinates, {"targets": json.dumps(listed)})

"""From what the checks of attribution measured to estimates, intervals, verdicts and ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from retinoscope.attribution.measures import FRACTIONS
from retinoscope.statistics.attribution_checks import area_between, mean_over_frames, mean_rank_correlation

MAPS = ("signed", "absolute")
STATISTICS = ("estimate", "low", "high")

Measured = list[dict[str, NDArray[Any]]]
Array = NDArray[np.floating]


def similarity(measured: Measured) -> tuple[Array, Array]:
    """Mean rho of maps before and after randomisation, and what chance gives.

    Returns:
        (method, stage, target and all, map, statistic), and (method, stage, target and all, map).
    """
    stretch = _stretches(measured, "row")
    found = [_means(_joined(measured, name), stretch) for name in MAPS]
    chances = [_means(_joined(measured, f"{name}_chance"), stretch)[..., 0] for name in MAPS]
    return np.stack(found, axis=-2), np.stack(chances, axis=-1)


def strength(measured: Measured) -> tuple[Array, Array]:
    """Mean |rho| of signed maps before and after randomisation, and what chance gives.

    Random outputs turn the sign of a whole map as often as not, so that the mean of rho itself may be zero for maps
    that are all alike but for that sign.

    Returns:
        (method, stage, target and all, statistic), and (method, stage, target and all).
    """
    stretch = _stretches(measured, "row")
    chance = _means(np.abs(_joined(measured, "signed_chance")), stretch)
    return _means(np.abs(_joined(measured, "signed")), stretch), chance[..., 0]


def _means(values: Array, stretch: NDArray[np.int64]) -> Array:
    """(method, stage, target, frame) -> (method, stage, target and all, statistic)."""
    values = _with_all(values)
    found = np.empty((*values.shape[:3], len(STATISTICS)))
    for where in np.ndindex(values.shape[:3]):
        found[where] = mean_over_frames(values[where], stretch)
    return found


def is_passed(excess: Array, layers: tuple[str, ...], threshold: float) -> NDArray[np.bool_]:
    """(method, target): signed maps are unlike each other once every layer above the convolutions is randomised.

    All stages from there on must pass. Stages before are shown, not judged: with only its outputs randomised a network
    still computes the same features.

    Args:
        excess: (method, stage, target), `strength` above chance; what chance gives depends on how smooth maps are.
        layers: the stages.
        threshold: largest excess that passes.
    """
    return np.asarray(excess[:, first_judged(layers) :].max(axis=1) <= threshold)


def worst_stage(excess: Array, layers: tuple[str, ...]) -> NDArray[np.int64]:
    """(method, stage, target) as for `is_passed` -> (method, target) the judged stage where it is largest."""
    judged = first_judged(layers)
    return np.asarray(judged + excess[:, judged:].argmax(axis=1))


def first_judged(layers: tuple[str, ...]) -> int:
    """Index of the stage at which the last layer above the convolutions falls."""
    above = [number for number, name in enumerate(layers) if not name.startswith("conv")]
    return above[-1] if above else 0


def gains(measured: Measured) -> tuple[dict[str, Array], dict[str, Array]]:
    """Curves of deletion and insertion, and how much better than random order they are.

    Returns:
        By name (order, target and all, fraction), and (method and, last, difference without the network, target and
        all, statistic).
    """
    stretch, fractions = _stretches(measured, "row"), np.array(FRACTIONS)
    curves, gained = {}, {}
    for name, sign in (("deletion", 1.0), ("insertion", -1.0)):
        each = np.concatenate([part[name] for part in measured], axis=2).astype(np.float64)
        # Of one unit, so that targets can be averaged: the mean change from the frame to the empty view.
        unit = np.abs(each[-1, :, :, -1 if name == "deletion" else 0]).mean(axis=-1)
        each /= np.where(unit > 0, unit, 1.0)[:, None, None]
        each = np.concatenate([each, each.mean(axis=1, keepdims=True)], axis=1)
        curves[name] = each.mean(axis=2)
        areas = sign * area_between(fractions, each[:-1], each[-1:])
        gained[name] = np.array([[mean_over_frames(row, stretch) for row in method] for method in areas])
    return curves, gained


def agreement(measured: Measured) -> tuple[Array, dict[str, Array]]:
    """Rank correlation of attribution on an object with what painting it out really changes.

    Returns:
        (method, target and all, map, statistic); and of what needs no network with the absolute change, by name (target
        and all, statistic): the object's size, and its difference from what lies behind it.
    """
    stretch = np.repeat(np.arange(len(measured)), [len(part["object_frame"]) for part in measured])
    change = _joined(measured, "change")
    changes = {"signed": change, "absolute": np.abs(change)}
    masses = {name: _joined(measured, f"mass_{name}") for name in MAPS}
    targets = len(change)
    values = np.full((len(masses["signed"]), targets + 1, len(MAPS), len(STATISTICS)), np.nan)
    rows = [*(slice(each, each + 1) for each in range(targets)), slice(None)]
    for number, name in enumerate(MAPS):
        for method, mass in enumerate(masses[name]):
            for target, row in enumerate(rows):
                values[method, target, number] = mean_rank_correlation(mass[row], changes[name][row], stretch)
    controls = {}
    for name in ("pixels", "difference"):
        control = np.repeat(_joined(measured, f"object_{name}")[None], targets, axis=0)
        controls[name] = np.array(
            [mean_rank_correlation(control[row], changes["absolute"][row], stretch) for row in rows]
        )
    return values, controls


def ranking(passed: NDArray[np.bool_], gained: dict[str, Array], agreed: Array) -> NDArray[np.int64]:
    """(method): 1 for the best. Methods that pass the parameter randomisation come before those that do not.

    Among them counts the mean place in deletion, insertion and the two agreements with the simulator, over all targets.
    """
    deletion, insertion = (gained[name][: len(passed), -1, 0] for name in ("deletion", "insertion"))
    scores = [deletion, insertion, agreed[:, -1, 0, 0], agreed[:, -1, 1, 0]]
    places = np.mean([rankdata(-score) for score in scores], axis=0)
    order = np.lexsort((places, ~passed[:, -1]))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks


def _stretches(measured: Measured, name: str) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(measured)), [len(part[name]) for part in measured])


def _joined(measured: Measured, name: str) -> Array:
    """Frames, or objects, of all stretches on the last axis."""
    return np.concatenate([part[name] for part in measured], axis=-1)


def _with_all(values: Array) -> Array:
    """(method, stage, target, frame), with the mean over targets as one more."""
    return np.concatenate([values, values.mean(axis=2, keepdims=True)], axis=2)

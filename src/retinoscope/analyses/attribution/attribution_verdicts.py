"""What the checks of attribution methods come to: arrays of all stretches in, verdicts with their intervals out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from retinoscope.attribution.measures import FRACTIONS
from retinoscope.statistics.attribution_checks import area_between, means_over_frames, rank_correlations

MAPS = ("signed", "absolute")
STATISTICS = ("estimate", "low", "high")

Measured = list[dict[str, NDArray[Any]]]
"""Of every stretch, what `attribution.measures.measure` gives."""

Array = NDArray[np.floating]


def similarity(measured: Measured) -> tuple[Array, Array]:
    """Mean rho of maps before and after randomisation, and what chance gives.

    Returns:
        (method, stage, target and all, map, statistic), and (method, stage, target and all, map).
    """
    stretch = _stretches(measured, "row")
    found = [means_over_frames(_with_all(_joined(measured, name)), stretch) for name in MAPS]
    chances = [_finite_mean(_with_all(_joined(measured, f"{name}_chance"))) for name in MAPS]
    return np.stack(found, axis=-2), np.stack(chances, axis=-1)


def strength(measured: Measured) -> tuple[Array, Array]:
    """Mean |rho| of signed maps before and after randomisation, and what chance gives.

    Random outputs turn the sign of a whole map as often as not, so that the mean of rho itself may be zero for maps
    that are all alike but for that sign.

    Returns:
        (method, stage, target and all, statistic), and (method, stage, target and all).
    """
    values = _with_all(np.abs(_joined(measured, "signed")))
    chance = _finite_mean(_with_all(np.abs(_joined(measured, "signed_chance"))))
    return means_over_frames(values, _stretches(measured, "row")), chance


def _finite_mean(values: Array) -> Array:
    """Means over the last axis of what is finite; NaN where nothing is."""
    is_there = np.isfinite(values)
    counts = is_there.sum(axis=-1)
    sums = np.where(is_there, values, 0.0).sum(axis=-1, dtype=np.float64)
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def is_passed(excess: Array, judged: int, threshold: float) -> NDArray[np.bool_]:
    """(method, target): signed maps are unlike each other once every layer above the maps is randomised.

    All stages from there on must pass. Stages before are shown, not judged: with only its outputs randomised a network
    still computes the same features.

    Args:
        excess: (method, stage, target), `strength` above chance; what chance gives depends on how smooth maps are.
        judged: the first stage that is judged, see `attribution.randomisation.first_judged`.
        threshold: largest excess that passes.
    """
    return np.asarray(excess[:, judged:].max(axis=1) <= threshold)


def worst_stage(excess: Array, judged: int) -> NDArray[np.int64]:
    """(method, stage, target) as for `is_passed` -> (method, target) the judged stage where it is largest."""
    return np.asarray(judged + excess[:, judged:].argmax(axis=1))


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
        # Of one unit, so that targets can be averaged: the mean change from the frame to the background.
        unit = np.abs(each[-1, :, :, -1 if name == "deletion" else 0]).mean(axis=-1)
        each /= np.where(unit > 0, unit, 1.0)[:, None, None]
        each = np.concatenate([each, each.mean(axis=1, keepdims=True)], axis=1)
        curves[name] = each.mean(axis=2)
        areas = sign * area_between(fractions, each[:-1], each[-1:])
        gained[name] = means_over_frames(areas, stretch)
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
    by_map = [[rank_correlations(mass, changes[name], stretch) for mass in masses[name]] for name in MAPS]
    controls = {}
    for name in ("pixels", "difference"):
        control = np.repeat(_joined(measured, f"object_{name}")[None], len(change), axis=0)
        controls[name] = rank_correlations(control, changes["absolute"], stretch)
    return np.stack(by_map, axis=2), controls


def ranking(passed: NDArray[np.bool_], gained: dict[str, Array], agreed: Array | None) -> NDArray[np.int64]:
    """(method): 1 for the best. Methods that pass the parameter randomisation come before those that do not.

    Among them counts the mean place in deletion, insertion and, where there are any, the two agreements with the
    simulator, over all targets.
    """
    scores = [gained[name][: len(passed), -1, 0] for name in ("deletion", "insertion")]
    if agreed is not None:
        scores += [agreed[:, -1, 0, 0], agreed[:, -1, 1, 0]]
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

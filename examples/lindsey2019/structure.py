"""From fields to numbers: what every field is, the published ratio of orientedness, and intervals.

A field is what `retinoscope.statistics.field_structure` says: with signs, held out, against shuffled pixels and random
phases. The published ratio is that of the authors' notebook, on fields in the middle of 32 x 32 zeros, as theirs were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from fields import BEFORE, NOISE, Run
from model import LAYERS, SIDE
from scipy import stats

from retinoscope.statistics.field_orientation import lindsey_ratio
from retinoscope.statistics.field_structure import KINDS, field_structure

RESAMPLES = 1000
WHITE = "white noise instead of fields"
Interval = tuple[float, float, float]
"""An estimate and its 95% interval; NaN where there is none."""


@dataclass(frozen=True)
class Units:
    """The fields of one layer of one network, (unit, ...) of those that answer.

    Attributes:
        bottleneck, seed, layer, state, way: which; the seed is -1 of noise.
        all: how many units there are, silent ones too.
        fields: (unit, height, width), the mean of the halves.
        kind: one of `KINDS`.
        r2: held out, of the better of the two fits; of a black picture not held out.
        r2_gabor, r2_difference: of either.
        orientation: index, 0 to 1.
        ratio: the published one.
        selectivity: for gratings, see `Run`.
        unchanged: cosine between each field and the same unit's before training.
    """

    bottleneck: int
    seed: int
    layer: str
    state: str
    way: str
    all: int
    fields: np.ndarray
    kind: np.ndarray
    r2: np.ndarray
    r2_gabor: np.ndarray
    r2_difference: np.ndarray
    orientation: np.ndarray
    ratio: np.ndarray
    selectivity: np.ndarray
    unchanged: np.ndarray


def units_of(runs: Sequence[Run], surrogates: int) -> list[Units]:
    """All fields of all runs, and as many of white noise for each layer."""
    found = []
    for layer in LAYERS.values():
        for bottleneck in sorted({run.bottleneck for run in runs}):
            same = [run for run in runs if run.bottleneck == bottleneck]
            untrained = np.concatenate([run.fields[BEFORE, layer, NOISE].mean(axis=0) for run in same])
            envelope = np.sqrt(np.square(untrained).mean(axis=0))
            for run in same:
                for (state, of, way), halves in run.fields.items():
                    if of == layer:
                        which = (bottleneck, run.seed, layer, state, way)
                        before = run.fields[BEFORE, of, NOISE].mean(axis=0)
                        nothing = np.full(halves.shape[1], np.nan)
                        selectivity = run.selectivity.get((state, of), nothing)
                        found.append(_judged(which, halves, surrogates, envelope, selectivity, before))
        side = runs[0].fields[BEFORE, layer, NOISE].shape[-1]
        random = np.random.default_rng(0)
        fields = random.normal(size=(32, side, side))
        halves = fields + 0.1 * random.normal(size=(2, *fields.shape))
        found.append(
            _judged(
                (0, -1, layer, WHITE, NOISE),
                halves,
                surrogates,
                None,
                np.full(len(fields), np.nan),
                np.zeros_like(fields),
            )
        )
    return found


def ratio_of_white_noise(count: int = 100) -> Interval:
    """Of 32 x 32 pixels of white noise, the authors' baseline (theirs: 1.99 ± 0.12)."""
    ratios = lindsey_ratio(np.random.default_rng(0).normal(size=(count, SIDE, SIDE)))
    return interval([ratios], np.nanmean)


def _judged(
    which: tuple[int, int, str, str, str],
    halves: np.ndarray,
    surrogates: int,
    envelope: np.ndarray | None,
    selectivity: np.ndarray,
    before: np.ndarray,
) -> Units:
    answers = halves.any(axis=(2, 3)).all(axis=0)
    answering = halves[:, answers]
    nothing, like = np.empty(0), _alike(halves.mean(axis=0), before)
    if not answers.any():
        return Units(*which, len(answers), answering.mean(axis=0), np.empty(0, "U1"), *[nothing] * 7)
    found = field_structure(answering, surrogates=surrogates, envelope=envelope)
    fields = answering.mean(axis=0)
    return Units(
        *which,
        len(answers),
        fields,
        found.kind,
        found.r2,
        found.r2_gabor,
        found.r2_difference_of_gaussians,
        found.orientation_index,
        lindsey_ratio(in_picture(fields)),
        selectivity[answers],
        like[answers],
    )


def _alike(fields: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(unit,) cosine; NaN where either is silent."""
    products = (fields * others).sum(axis=(1, 2))
    lengths = np.sqrt(np.square(fields).sum(axis=(1, 2)) * np.square(others).sum(axis=(1, 2)))
    return np.divide(products, lengths, out=np.full(len(products), np.nan), where=lengths > 0)


def in_picture(fields: np.ndarray) -> np.ndarray:
    """(unit, 32, 32), where the field of the unit in row and column 16 lies."""
    found = np.zeros((len(fields), SIDE, SIDE))
    first = SIDE // 2 - fields.shape[1] // 2
    place = slice(first, first + fields.shape[1])
    found[:, place, place] = fields
    return found


def interval(groups: Iterable[np.ndarray], statistic: Callable[..., np.ndarray]) -> Interval:
    """Of a statistic of all units, such as `np.nanmean`; bootstrapped over networks and, within them, over units."""
    filled = [each[np.isfinite(each)] for each in groups]
    filled = [each for each in filled if len(each)]
    if not filled:
        return (np.nan,) * 3
    estimate = float(statistic(np.concatenate(filled)))
    if sum(map(len, filled)) < 3:
        return estimate, np.nan, np.nan
    random, lengths = np.random.default_rng(0), np.array([len(each) for each in filled])
    values = np.full((len(filled), lengths.max()), np.nan)
    for row, each in zip(values, filled, strict=True):
        row[: len(each)] = each
    networks = random.integers(len(filled), size=(RESAMPLES, len(filled), 1))
    units = (random.random((RESAMPLES, *values.shape)) * lengths[networks]).astype(np.int64)
    drawn = values[networks, units]
    drawn[np.arange(values.shape[1]) >= lengths[networks]] = np.nan
    low, high = np.quantile(statistic(drawn.reshape(RESAMPLES, -1), axis=1), (0.025, 0.975))
    return estimate, float(low), float(high)


def share(groups: Iterable[np.ndarray], kind: str) -> Interval:
    """Of the units that answer, those of a kind.

    The wider of what `interval` gives and of the exact interval of a binomial share (Clopper & Pearson 1934,
    Biometrika 26:404), which is not fooled by three of three.
    """
    filled = [each == kind for each in groups if len(each)]
    if not filled:
        return (np.nan,) * 3
    both = np.concatenate(filled)
    exact = stats.binomtest(int(both.sum()), len(both)).proportion_ci()
    value, low, high = interval([each.astype(float) for each in filled], np.nanmean)
    return value, float(np.fmin(low, exact.low)), float(np.fmax(high, exact.high))


def rows_of(runs: Sequence[Run], units: Sequence[Units]) -> list[dict[str, object]]:
    """The table: each network by itself, then all of a bottleneck together (seed `all`), and noise."""
    rows = []
    for key in dict.fromkeys((each.bottleneck, each.layer, each.state, each.way) for each in units):
        same = [each for each in units if (each.bottleneck, each.layer, each.state, each.way) == key]
        for group in ([each] for each in same) if key[2] != WHITE else ():
            rows.append(_row(runs, group, str(group[0].seed)))
        rows.append(_row(runs, same, "all"))
    return rows


def _row(runs: Sequence[Run], group: Sequence[Units], seed: str) -> dict[str, object]:
    first = group[0]
    of = [run for run in runs if run.bottleneck == first.bottleneck and run.seed in {each.seed for each in group}]
    at = [run.states()[first.state] for run in of]
    right = [
        row["test_accuracy"] for run, epochs in zip(of, at, strict=True) for row in run.curve if row["epoch"] == epochs
    ]
    row: dict[str, object] = {
        "bottleneck": first.bottleneck or "",
        "seed": seed if of else "",
        "layer": next(name for name, layer in LAYERS.items() if layer == first.layer),
        "state": first.state,
        "way": first.way,
        "networks": len(of),
        "epochs": "-".join(str(each) for each in sorted({min(at), max(at)})) if at else "",
        "test_accuracy": round(float(np.mean(right)), 4) if right else "",
        "units": sum(each.all for each in group),
        "answering": sum(len(each.kind) for each in group),
    }
    for kind in KINDS:
        row |= _named(kind.replace(" ", "_").replace("-", "_"), share([each.kind for each in group], kind))
    for name in ("r2", "orientation", "selectivity", "unchanged"):
        row |= _named(name, interval([getattr(each, name) for each in group], np.nanmedian))
    return row | _named("published_ratio", interval([each.ratio for each in group], np.nanmean))


def _named(name: str, found: Interval) -> dict[str, object]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), (round(each, 4) for each in found), strict=True))


def value_of(rows: Sequence[dict[str, object]], name: str, **which: object) -> Interval:
    """From the table."""
    (row,) = (row for row in rows if all(row[key] == each for key, each in which.items()))
    return tuple(float(str(row[each])) for each in (name, f"{name}_low", f"{name}_high"))  # type: ignore[return-value]


def course_of(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Of the table, all states of every bottleneck and layer, over white noise and all its networks together."""
    return [row for row in rows if row["seed"] == "all" and row["way"] == NOISE]


def epochs_of(row: dict[str, object]) -> float:
    """Behind the state of a row; of networks that were not trained for equally long, the fewest."""
    return float(str(row["epochs"]).split("-")[0])

"""Activity with planted events, and the slow, obvious way to average around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PlantedEpisode:
    """One episode: activity (row, unit) and the rows of its events."""

    activity: np.ndarray
    events: np.ndarray


BEFORE, AFTER, BOTH, NOTHING, CONSTANT = 0, 1, 2, 3, 9
"""Units: high in the six rows up to an event; in the six after it; both; the others nothing; and one that never
changes."""


def planted_episodes(
    episodes: int = 12, rows: int = 200, units: int = 10, height: float = 1.5, seed: int = 0
) -> list[PlantedEpisode]:
    """Correlated noise (first-order autoregressive, 0.8) with events at random; some units are locked to them."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(episodes):
        noise = random.normal(size=(rows, units))
        for row in range(1, rows):
            noise[row] += 0.8 * noise[row - 1]
        events = np.sort(random.choice(np.arange(rows), size=8, replace=False))
        for event in events:
            for unit, lags in ((BEFORE, range(-5, 1)), (AFTER, range(1, 7)), (BOTH, range(-5, 7))):
                for lag in lags:
                    if 0 <= event + lag < rows:
                        noise[event + lag, unit] += height
        noise[:, CONSTANT] = 2.0
        found.append(PlantedEpisode(noise, events))
    return found


def slow_average(episodes: list[PlantedEpisode], before: int, after: int) -> tuple[np.ndarray, int]:
    """Mean over all events whose window fits: (lag, unit), lags `1 - before` to `after`; and how many did not fit."""
    windows, left_out = [], 0
    for episode in episodes:
        for event in episode.events:
            first, last = event - before + 1, event + after
            if first < 0 or last >= len(episode.activity):
                left_out += 1
                continue
            windows.append([episode.activity[row] for row in range(first, last + 1)])
    return np.mean(windows, axis=0), left_out


def slow_scores(episode: PlantedEpisode, before: int, after: int, tested: int) -> tuple[np.ndarray, np.ndarray]:
    """Of one episode, the means before and after its events under every shift, (shift, side, unit); shift 0 first."""
    places = [
        row for row in range(len(episode.activity)) if row - before + 1 >= 0 and row + after < len(episode.activity)
    ]
    events = [places.index(event) for event in episode.events if event in places]
    shifted = []
    for shift in range(len(places)):
        rows = [places[(event + shift) % len(places)] for event in events]
        early = np.mean([episode.activity[row - tested + 1 : row + 1].mean(axis=0) for row in rows], axis=0)
        late = np.mean([episode.activity[row + 1 : row + 1 + tested].mean(axis=0) for row in rows], axis=0)
        shifted.append([early, late])
    return np.array(shifted[0]), np.array(shifted)


def slow_auc(scores: np.ndarray, outcomes: np.ndarray) -> float:
    """All pairs; a tie counts half."""
    wins = [
        1.0 if high > low else 0.5 if high == low else 0.0 for high in scores[outcomes] for low in scores[~outcomes]
    ]
    return float(np.mean(wins))

"""Is the ball in the agent's memory? `python ball.py RECORDING`, made by `retinoscope record agent.py:agent`.

Where the ball is, and how it moved, is read out linearly from the memory, from the pixels of the same step, and from
the memory with the episodes of the ball exchanged for one another. Everything is judged in episodes that the read-out,
its scaling and its penalty have not seen.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import retinoscope

TARGETS = ("ball_x", "ball_y", "ball_dx", "ball_dy")
PENALTIES = 10.0 ** np.arange(-7, 0)  # shares of the variance of all features together
FOLDS = 5
NOT_IN_PLAY = 10.5  # ball_y then


@dataclass(frozen=True)
class Decisions:
    """Decisions at which the ball is in play, and was at the one before.

    Attributes:
        memory: (decision, unit) float32.
        pixels: (decision, pixel) float32.
        ball: (decision, target) float64, px, and px since the decision before.
        episodes: (decision,) int64, in which they were taken.
    """

    memory: np.ndarray
    pixels: np.ndarray
    ball: np.ndarray
    episodes: np.ndarray


def decisions_of(recording: retinoscope.Recording, most: int) -> Decisions:
    """At most so many decisions, evenly spread over the recording.

    Raises:
        UserError: there are too few episodes to judge in others than those that were fitted.
    """
    if len(recording.episodes) < 2 * FOLDS:
        wanted = f"at least {2 * FOLDS} are needed; record with --environments {2 * FOLDS} or more"
        raise retinoscope.UserError(f"{recording.path}: has {len(recording.episodes)} episodes, {wanted}")
    (layer,) = recording.layers_of("memory")
    ball = recording.rows(names=["ball_x", "ball_y"])
    places = np.stack([ball["ball_x"].values, ball["ball_y"].values], axis=1).astype(np.float64)
    moved = np.diff(places, axis=0, prepend=places[:1])
    in_play = places[:, 1] > NOT_IN_PLAY
    follows = (ball["step"].values > 0) & np.roll(in_play, 1)
    usable = np.flatnonzero(in_play & follows)
    chosen = usable[:: max(1, -(-len(usable) // most))]
    memory, pixels = [], []
    for start in range(0, recording.frames, 2048):
        rows = recording.rows(start, min(start + 2048, recording.frames), ["observation", layer])
        here = chosen[(chosen >= start) & (chosen < start + 2048)] - start
        memory.append(rows[layer].values[here])
        pixels.append(rows["observation"].values[here].reshape(len(here), -1).astype(np.float32))
    targets = np.concatenate([places, moved], axis=1)[chosen]
    return Decisions(np.concatenate(memory), np.concatenate(pixels), targets, ball["episode"].values[chosen])


def weights(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """Of ridge regression without an offset, (feature, target)."""
    rows, columns = x.shape
    if columns <= rows:
        return np.linalg.solve(x.T @ x + penalty * rows * np.eye(columns), x.T @ y)
    return x.T @ np.linalg.solve(x @ x.T + penalty * rows * np.eye(rows), y)


def read_out(x: np.ndarray, y: np.ndarray, is_test: np.ndarray, penalties: Sequence[float]) -> list[np.ndarray]:
    """What ridge regression fitted to the others says of the test's targets, for every penalty."""
    # One scale for all: units and pixels that hardly ever change would otherwise be magnified where they do.
    mean, scale = x[~is_test].mean(axis=0), np.sqrt(x[~is_test].var(axis=0).sum())
    z = (x - mean) / scale
    level = y[~is_test].mean(axis=0)
    return [z[is_test] @ weights(z[~is_test], y[~is_test] - level, each) + level for each in penalties]


def predicted(x: np.ndarray, y: np.ndarray, episodes: np.ndarray) -> np.ndarray:
    """(decision, target), each from episodes other than its own; the penalty is chosen within these."""
    x, found = x.astype(np.float64), np.empty_like(y)
    group = np.unique(episodes, return_inverse=True)[1] % FOLDS
    for fold in range(FOLDS):
        is_test, inner = group == fold, group == (fold + 1) % FOLDS
        tried = read_out(x[~is_test], y[~is_test], inner[~is_test], PENALTIES)
        errors = [((each - y[inner]) ** 2).mean(axis=0) / y[inner].var(axis=0) for each in tried]
        best = PENALTIES[int(np.mean(errors, axis=1).argmin())]
        found[is_test] = read_out(x, y, is_test, [best])[0]
    return found


def explained(y: np.ndarray, said: np.ndarray) -> np.ndarray:
    """R² of every target: 1 less the squared error over the variance."""
    return 1 - ((y - said) ** 2).mean(axis=0) / y.var(axis=0)


def interval(y: np.ndarray, said: np.ndarray, episodes: np.ndarray, resamples: int = 1000) -> np.ndarray:
    """95% bootstrap interval of R² over episodes, (2, target)."""
    random, numbers = np.random.default_rng(0), np.unique(episodes)
    rows = [np.flatnonzero(episodes == each) for each in numbers]
    replicates = []
    for _ in range(resamples):
        drawn = np.concatenate([rows[each] for each in random.integers(len(rows), size=len(rows))])
        replicates.append(explained(y[drawn], said[drawn]))
    return np.quantile(replicates, (0.025, 0.975), axis=0)


def exchanged(y: np.ndarray, episodes: np.ndarray, seed: int) -> np.ndarray:
    """The same targets, the episodes in another order: each stays whole, and none where it was as a rule."""
    order = np.random.default_rng(seed).permutation(np.unique(episodes))
    return np.concatenate([y[episodes == each] for each in order])


def main(arguments: Sequence[str]) -> None:
    """`ball.py RECORDING [SHUFFLES [DECISIONS]]`."""
    path, *rest = arguments
    shuffles, most = [*map(int, rest), *(20, 3000)[len(rest) :]]
    found = decisions_of(retinoscope.open(path), most)
    y, episodes = found.ball, found.episodes
    numbers = f"{len(y):,} decisions of {len(np.unique(episodes))} episodes"
    print(f"{numbers}; R² in episodes held out, with its 95% interval over episodes")
    print(f"{'':24}" + "".join(f"{each:>24}" for each in TARGETS))
    for name, x in (("memory", found.memory), ("pixels of the same step", found.pixels)):
        said = predicted(x, y, episodes)
        numbers = zip(explained(y, said), *interval(y, said, episodes), strict=True)
        print(f"{name:24}" + "".join(f"{f'{r:.2f} [{low:.2f}, {high:.2f}]':>24}" for r, low, high in numbers))
    chance = []
    for seed in range(shuffles):
        other = exchanged(y, episodes, seed)
        chance.append(explained(other, predicted(found.memory, other, episodes)))
    spans = np.quantile(chance, (0, 1), axis=0).T
    print(f"{'episodes exchanged':24}" + "".join(f"{f'{low:.2f} to {high:.2f}':>24}" for low, high in spans))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Where chance comes from: every episode of every environment has its own seed for the world and for the actions.

So an episode depends on (seed, environment, number of the episode) and the agent alone: not on how many processes
play, nor on whether the recording was interrupted.
"""

from __future__ import annotations

import numpy as np

_WORLD, _ACTIONS = 0, 1


def world_seed(seed: int, environment: int, episode: int) -> int:
    """The seed that `reset` gets for this episode."""
    return int(np.random.SeedSequence(seed, spawn_key=(environment, episode, _WORLD)).generate_state(1)[0])


def action_generator(seed: int, environment: int, episode: int) -> np.random.Generator:
    """The generator that this episode's actions are drawn with."""
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(environment, episode, _ACTIONS)))
    )


class ActionSampler:
    """Draws actions from logits, each environment with the generator of the episode it is in.

    An index is drawn from the softmax of each head by the Gumbel-max method: the argmax of logits plus independent
    standard Gumbel noise. One draw of noise per output and decision, so that a generator can be moved to any step.

    Args:
        seed: of the recording.
        head_sizes: number of outputs of each head.
        greedy: take the likeliest output instead; nothing is drawn.
    """

    def __init__(self, seed: int, head_sizes: tuple[int, ...], greedy: bool = False) -> None:
        self._seed = seed
        self._greedy = greedy
        self._spans = [slice(stop - size, stop) for size, stop in zip(head_sizes, np.cumsum(head_sizes), strict=True)]
        self._outputs = sum(head_sizes)
        self._generators: dict[int, tuple[int, np.random.Generator]] = {}

    def draw(self, logits: np.ndarray, environments: range, episodes: np.ndarray) -> np.ndarray:
        """One action for each environment: (environment, output) and (environment,) -> (environment, head) int8."""
        scores = logits.astype(np.float64)
        if not self._greedy:
            for row, (environment, episode) in enumerate(zip(environments, episodes.tolist(), strict=True)):
                scores[row] += self._generator(environment, episode).gumbel(size=self._outputs)
        return np.stack([scores[:, span].argmax(axis=1) for span in self._spans], axis=1).astype(np.int8)

    def skip(self, environment: int, episode: int, decisions: int) -> None:
        """Move the generator of this episode behind its first `decisions` draws."""
        self._generator(environment, episode).gumbel(size=(decisions, self._outputs))

    def _generator(self, environment: int, episode: int) -> np.random.Generator:
        current = self._generators.get(environment)
        if current is None or current[0] != episode:
            current = (episode, action_generator(self._seed, environment, episode))
            self._generators[environment] = current
        return current[1]

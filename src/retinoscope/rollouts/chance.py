"""Where chance comes from: every episode of every environment has its own seed for the world and for the actions.

So an episode depends on (seed, environment, number of the episode) and the agent alone: not on how many processes
play, nor on whether the recording was interrupted. Seeds of worlds are in `worlds.seeds`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retinoscope.agents.actions import ActionHead
from retinoscope.worlds.seeds import ACTIONS


def action_generator(seed: int, environment: int, episode: int) -> np.random.Generator:
    """The generator that this episode's actions are drawn with."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(environment, episode, ACTIONS))))


class ActionSampler:
    """Draws actions from what the heads give, each environment with the generator of the episode it is in.

    - A choice is drawn from the softmax of its head by the Gumbel-max method: the argmax of logits plus independent
      standard Gumbel noise, one draw of noise per output and decision.
    - Of Q-values the highest is taken, or with the head's probability `epsilon` any output: two uniform draws.
    - Continuous actions are means plus standard Gaussian noise times deviations, cut at their bounds.

    The number of draws per decision is always the same, so that a generator can be moved to any step.

    Args:
        seed: of the recording.
        heads: of the actor.
        greedy: take the likeliest action instead; nothing is drawn.
    """

    def __init__(self, seed: int, heads: Sequence[ActionHead], greedy: bool = False) -> None:
        self._seed = seed
        self._greedy = greedy
        self._heads = tuple(heads)
        sizes = [len(head.outputs) for head in heads]
        self._spans = [slice(stop - size, stop) for size, stop in zip(sizes, np.cumsum(sizes), strict=True)]
        self._are_choices = all(head.kind == "choice" for head in heads)
        self._is_continuous = any(head.kind == "gaussian" for head in heads)
        self._outputs = sum(sizes)
        self._generators: dict[int, tuple[int, np.random.Generator]] = {}

    def draw(self, numbers: np.ndarray, environments: range, episodes: np.ndarray) -> np.ndarray:
        """One action for each environment.

        Args:
            numbers: (environment, output) of all heads side by side.
            environments: their numbers.
            episodes: (environment,), the episodes that they are in.

        Returns:
            (environment, head) int8, or (environment, number) float32 if actions are continuous.
        """
        scores = numbers.astype(np.float64)
        if self._are_choices:  # one call for all heads, as this is done at every decision
            if not self._greedy:
                for row, (environment, episode) in enumerate(zip(environments, episodes.tolist(), strict=True)):
                    scores[row] += self._generator(environment, episode).gumbel(size=self._outputs)
            return np.stack([scores[:, span].argmax(axis=1) for span in self._spans], axis=1).astype(np.int8)
        rows = [
            np.concatenate(self._drawn(scores[row], environment, episode))
            for row, (environment, episode) in enumerate(zip(environments, episodes.tolist(), strict=True))
        ]
        return np.stack(rows).astype(np.float32 if self._is_continuous else np.int8)

    def skip(self, environment: int, episode: int, decisions: int) -> None:
        """Move the generator of this episode behind its first `decisions` draws."""
        if self._are_choices:
            self._generator(environment, episode).gumbel(size=(decisions, self._outputs))
            return
        nothing = np.zeros(self._outputs)
        for _ in range(decisions):
            self._drawn(nothing, environment, episode)

    def _drawn(self, scores: np.ndarray, environment: int, episode: int) -> list[np.ndarray]:
        """What each head does, drawn head by head."""
        generator = None if self._greedy else self._generator(environment, episode)
        return [_drawn(head, scores[span], generator) for head, span in zip(self._heads, self._spans, strict=True)]

    def _generator(self, environment: int, episode: int) -> np.random.Generator:
        current = self._generators.get(environment)
        if current is None or current[0] != episode:
            current = (episode, action_generator(self._seed, environment, episode))
            self._generators[environment] = current
        return current[1]


def _drawn(head: ActionHead, numbers: np.ndarray, generator: np.random.Generator | None) -> np.ndarray:
    """One head's action from its numbers, (output,): (1,) or (number,)."""
    if head.kind == "gaussian":
        means, deviations = np.split(numbers, 2)
        noise = 0.0 if generator is None else generator.standard_normal(len(means)) * np.exp(deviations)
        found = means + noise
        return np.clip(found, *np.transpose(head.bounds)) if head.bounds else found
    if head.kind == "choice":
        return np.array([(numbers + (0.0 if generator is None else generator.gumbel(size=len(numbers)))).argmax()])
    if generator is not None:
        is_random, anything = generator.random(2)
        if is_random < head.epsilon:
            return np.array([int(anything * len(numbers))])
    return np.array([numbers.argmax()])

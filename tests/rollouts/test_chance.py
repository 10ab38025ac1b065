"""Actions are drawn with the probabilities that their heads give."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.agents.actions import ActionHead, gaussian_head
from retinoscope.rollouts.chance import ActionSampler

DRAWS = 4000


def drawn(head: ActionHead, numbers: list[float], greedy: bool = False) -> np.ndarray:
    sampler = ActionSampler(0, (head,), greedy)
    return np.concatenate([sampler.draw(np.array([numbers]), range(1), np.array([0])) for _ in range(DRAWS)])


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.6, 1.0])
def test_values_of_actions_are_followed_but_for_a_share_of_epsilon(epsilon: float) -> None:
    head = ActionHead("action", ("a", "b", "c", "d"), "q_values", epsilon)
    shares = np.bincount(drawn(head, [0.0, 1.0, 3.0, 2.0])[:, 0], minlength=4) / DRAWS
    expected = np.full(4, epsilon / 4) + (1 - epsilon) * np.eye(4)[2]
    np.testing.assert_allclose(shares, expected, atol=0.03)


def test_continuous_actions_have_the_means_and_deviations_that_are_given() -> None:
    found = drawn(gaussian_head(("x", "y")), [2.0, -1.0, np.log(0.5), np.log(3.0)])
    np.testing.assert_allclose(found.mean(axis=0), [2, -1], atol=0.2)
    np.testing.assert_allclose(found.std(axis=0), [0.5, 3.0], rtol=0.05)
    assert abs(np.corrcoef(found.T)[0, 1]) < 0.05
    cut = drawn(gaussian_head(("x", "y"), ((-1, 1), (0, 2))), [2.0, -1.0, 0.0, 0.0])
    assert cut.max(axis=0).tolist() == [1, 2] and cut.min(axis=0).tolist() == [-1, 0]


def test_greedy_draws_nothing() -> None:
    head = ActionHead("action", ("a", "b"), "q_values", 1.0)
    assert (drawn(head, [1.0, 0.0], greedy=True) == 0).all()
    assert (drawn(gaussian_head(("x",)), [0.25, 1.0], greedy=True) == 0.25).all()


@pytest.mark.parametrize(
    "heads",
    [
        (ActionHead("one", ("a", "b", "c")), ActionHead("two", ("d", "e"))),
        (ActionHead("action", ("a", "b", "c", "d", "e"), "q_values", 0.5),),
        (gaussian_head(("x", "y")),),
    ],
    ids=["choices", "values", "continuous"],
)
def test_skipping_draws_is_as_good_as_drawing_them(heads: tuple[ActionHead, ...]) -> None:
    outputs = sum(len(head.outputs) for head in heads)
    numbers = np.random.default_rng(0).normal(size=(30, 1, outputs))
    whole, later = ActionSampler(7, heads), ActionSampler(7, heads)
    expected = [whole.draw(each, range(3, 4), np.array([2])) for each in numbers]
    later.skip(3, 2, 12)
    np.testing.assert_array_equal(
        [later.draw(each, range(3, 4), np.array([2])) for each in numbers[12:]], expected[12:]
    )

"""Decoding against planted codes, against scikit-learn, and its false alarms over many sets without any code."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from retinoscope.errors import UserError
from retinoscope.statistics.decoding import (
    balanced_accuracy,
    balanced_accuracy_difference,
    balanced_accuracy_interval,
    decode,
    fit_reduction,
)


def coded(images: int = 400, classes: int = 4, units: int = 60, noise: float = 1.0, seed: int = 0):
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(images) % classes)
    means = random.normal(size=(classes, units))
    activity = (means[labels] + noise * random.normal(size=(images, units))).astype(np.float32)
    return activity, labels, random.random(images) < 0.25


@pytest.mark.parametrize("units", [20, 500])
def test_it_is_what_scikit_learn_computes(units):
    activity, labels, is_test = coded(units=units, noise=6.0)
    activity *= np.random.default_rng(1).uniform(0.1, 9, units).astype(np.float32)
    scores = fit_reduction(activity[~is_test], 15).scores(activity)
    ours = decode(scores, labels, is_test, permutations=1)
    oracle = make_pipeline(
        StandardScaler(),
        PCA(15, svd_solver="full"),
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage=1e-3),
    ).fit(activity[~is_test], labels[~is_test])
    # Our prior probabilities are equal; scikit-learn's are the shares, which enter its offsets as logarithms.
    lda = oracle[-1]
    named = (oracle.decision_function(activity) - np.log(lda.priors_)).argmax(axis=1)
    assert ours.train == (named == labels)[~is_test].mean()
    assert ours.test == (named == labels)[is_test].mean()
    assert ours.balanced == pytest.approx(balanced_accuracy_score(labels[is_test], named[is_test]))
    np.testing.assert_array_equal(ours.confusion, confusion_matrix(labels[is_test], named[is_test]))
    np.testing.assert_array_equal(ours.is_right, (named == labels)[is_test])
    assert 0.3 < ours.balanced < 0.98


def test_scores_are_those_of_scikit_learn_up_to_sign():
    activity, _, _ = coded(images=50, units=200)
    activity[:, 3] = 7.0  # never varies
    ours = fit_reduction(activity, 10).scores(activity)
    theirs = PCA(10, svd_solver="full").fit_transform(StandardScaler().fit_transform(activity))
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=2e-3)


def test_a_planted_linear_code_is_read_at_ceiling():
    activity, labels, is_test = coded(noise=0.2)
    found = decode(fit_reduction(activity[~is_test], 30).scores(activity), labels, is_test)
    assert found.test == found.balanced == 1.0
    assert found.p == 1 / 101
    assert found.permuted_test == pytest.approx(0.25, abs=0.04)
    assert found.interval == (1.0, 1.0, 1.0)


def test_without_a_code_one_in_twenty_is_called_significant():
    alarms = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        features, labels = random.normal(size=(160, 8)), random.permutation(np.arange(160) % 4)
        found = decode(features, labels, random.random(160) < 0.4, permutations=40, seed=seed)
        alarms += found.p < 0.05
    low, high = scipy.stats.binom.interval(0.95, 200, 0.05)
    assert low <= alarms <= high


def test_p_counts_the_permutations_that_do_as_well():
    random = np.random.default_rng(3)
    features, labels = random.normal(size=(80, 5)), np.arange(80) % 2
    found = decode(features, labels, np.arange(80) % 3 == 0, permutations=60)
    assert found.p == (np.sum(found.permuted_balanced >= found.balanced - 1e-12) + 1) / 61


def test_classes_count_the_same_however_many_images_they_have():
    assert balanced_accuracy(np.array([[90, 0], [5, 5]])) == 0.75


def test_the_interval_is_that_of_drawing_images():
    confusion = np.array([[30, 10], [5, 15]])
    labels = np.repeat([0, 1], [40, 20])
    right = np.concatenate([np.arange(40) < 30, np.arange(20) < 15])
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(4000):
        rows = random.integers(60, size=60)
        drawn.append(np.mean([right[rows][labels[rows] == label].mean() for label in (0, 1)]))
    ours = balanced_accuracy_interval(confusion)
    assert ours.estimate == 0.75
    np.testing.assert_allclose(ours[1:], np.quantile(drawn, (0.025, 0.975)), atol=0.012)


def test_a_difference_is_paired():
    random = np.random.default_rng(0)
    labels = np.arange(300) % 3
    before = random.random(300) < 0.6
    after = before | (random.random(300) < 0.1)
    found = balanced_accuracy_difference(before, after, labels)
    each = [np.mean([right[labels == label].mean() for label in range(3)]) for right in (before, after)]
    assert found.estimate == pytest.approx(each[1] - each[0])
    assert 0 < found.low < found.estimate < found.high
    assert found.high - found.low < 0.1  # two unpaired intervals would be three times as wide
    assert balanced_accuracy_difference(before, before, labels) == (0, 0, 0)


@pytest.mark.parametrize(
    ("labels", "is_test", "says"),
    [
        (np.zeros(6, int), np.arange(6) < 2, "one class"),
        (np.arange(6) % 2, np.arange(5) < 2, "one of each"),
        (np.arange(6) % 2, np.arange(6) % 2 == 0, "no image in the training"),
        (np.arange(6) % 3, np.arange(6) == 0, "no image in the held-out"),
    ],
)
def test_what_cannot_be_decoded_is_refused(labels, is_test, says):
    with pytest.raises(UserError, match=says):
        decode(np.zeros((6, 2)), labels, is_test)


def test_nothing_permuted_or_reduced_to_is_refused():
    with pytest.raises(UserError, match="permutations"):
        decode(np.zeros((4, 2)), np.arange(4) % 2, np.arange(4) < 2, permutations=0)
    with pytest.raises(UserError, match="components"):
        fit_reduction(np.zeros((4, 2)), 0)

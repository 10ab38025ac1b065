"""The supervised twin learns, is an agent like any other, and refuses what it cannot learn from."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import retinoscope
from retinoscope.analyses.early_vision.receptive_fields import receptive_fields
from retinoscope.errors import UserError
from retinoscope.scenarios.image_sets import LabelledImages
from retinoscope.training.classifier import ClassifierConfig, is_twin, train_classifier


def bars(per_class: int = 40) -> LabelledImages:
    """Vertical, horizontal and no bars, at random brightness."""
    random = np.random.default_rng(0)
    labels = np.tile(np.arange(3), per_class)
    images = np.zeros((len(labels), 8, 8, 3), np.uint8)
    for image, label in zip(images, labels, strict=True):
        grey = random.integers(120, 255)
        image[:, 3:5] = grey if label == 0 else image[:, 3:5]
        image[3:5] = grey if label == 1 else image[3:5]
    return LabelledImages("bars", images, labels, ("0", "5", "9"), np.arange(len(labels)) // 3 % 4 == 0)


def test_it_learns_is_saved_and_is_looked_into_like_an_agent(tmp_path):
    config = ClassifierConfig(epochs=6, batch_size=32, presentations=200)
    made = train_classifier("digits", tmp_path / "twin.safetensors", bars(), config, "arena distance=60,100 bearing=0")
    assert made.accuracy > 0.9 and made.held_out == 30
    assert made.accuracy == pytest.approx(np.mean(list(made.accuracy_by_place.values())))
    twin = retinoscope.load_agent(made.path)
    assert is_twin(twin.policy) and not is_twin(retinoscope.load_agent("digits").policy)
    assert twin.policy.output_names() == ("class 0", "class 5", "class 9")
    assert twin.training["test_accuracy"] == made.accuracy
    assert [layer.name for layer in twin.policy.layers] == ["conv1", "conv2", "conv3", "fc", "value", "policy"]
    assert np.isfinite(receptive_fields(twin, layers="conv1", max_stimuli=64).data["conv1"].values).all()


def test_training_is_repeatable(tmp_path):
    config = ClassifierConfig(epochs=1, presentations=60)
    made = [
        train_classifier("digits", tmp_path / f"{each}.safetensors", bars(), config, "paste height=20 position=30x40")
        for each in (1, 2)
    ]
    weights = [each.agent.policy.network.state_dict() for each in made]
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])


def test_it_does_without_sample_factory():
    import subprocess

    program = "import sys, retinoscope.training.classifier; print('sample_factory' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_is_wrong_is_told_at_once(tmp_path):
    with pytest.raises(UserError, match="safetensors"):
        train_classifier("digits", tmp_path / "twin.pth")
    with pytest.raises(UserError, match="recurrent"):
        network = {"rnn": "gru"}
        train_classifier("digits", tmp_path / "twin.safetensors", config=ClassifierConfig(network=network))


def test_what_is_held_out_has_no_part_in_what_is_learned(tmp_path):
    config, known = ClassifierConfig(epochs=1, presentations=200), bars()
    other_images, other_labels = known.images.copy(), known.labels.copy()
    other_images[known.is_test] = 255 - known.images[known.is_test]
    other_labels[known.is_test] = (known.labels[known.is_test] + 1) % 3
    other = LabelledImages("bars", other_images, other_labels, known.class_names, known.is_test)
    one, two = (
        train_classifier("digits", tmp_path / f"{number}.safetensors", each, config, "paste height=20 position=30x40")
        for number, each in enumerate((known, other))
    )
    first, second = (each.agent.policy.network.state_dict() for each in (one, two))
    assert all((first[name] == second[name]).all() for name in first)
    assert one.held_out == two.held_out == known.is_test.sum()

"""What cannot be shown is refused before anything is recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import retinoscope
from retinoscope.errors import UserError


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"dataset": "pets.npz"}, r"does not say what cat, dog would do.*--class-effects cat=\+10"),
        ({"presentation": "arena distance=100 bearing=80"}, "outside the view"),
        ({"twin": "none.safetensors"}, r"none\.safetensors"),
    ],
)
def test_what_cannot_be_shown_is_told_before_anything_is_recorded(settings, says, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8)).astype(np.uint8)
    labels, split = np.arange(20) % 2, (np.arange(20) < 6).astype(np.uint8)
    np.savez("pets.npz", images=images, labels=labels, class_names=np.array(["cat", "dog"]), split=split)
    with pytest.raises(UserError, match=says):
        retinoscope.analyze("digits", out="out", responses=["dataset"], **settings)
    assert not (tmp_path / "out").exists()

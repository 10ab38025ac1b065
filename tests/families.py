"""The shipped families of scenarios, those of downloaded sets with the small samples in `tests/data` in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retinoscope.scenarios import load_scenario

DATA = Path(__file__).parent / "data"
SAMPLES = {"mnist_784": DATA / "mnist_sample.npz", "CIFAR_10": DATA / "cifar10_sample.npz"}


def family(name: str) -> dict[str, Any]:
    """The specification of a shipped scenario, which needs no network."""
    content = load_scenario(name).model_dump(mode="json")
    images = content["stimuli"]["images"]
    if images["source"] == "openml":
        sample = {"source": "npz", "path": str(SAMPLES[images["name"]]), "split": images["split"]}
        content["stimuli"]["images"] = sample
    return content

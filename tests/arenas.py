"""Small arenas built for a test, and an environment that also lists everything in the world, seen or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from retinoscope.scenarios import ArenaArchive, Scenario, get_arena, load_scenario
from retinoscope.worlds.doom.environment import GatheringEnvironment


def build_arena(folder: Path, scenario: str | dict[str, Any], **changes: Any) -> ArenaArchive:
    """A shipped scenario, or a new one from its specification, with changes such as `health__hunger=0`."""
    content = load_scenario(scenario).model_dump(mode="json") if isinstance(scenario, str) else scenario
    for path, value in changes.items():
        *parents, key = path.split("__")
        place = content
        for parent in parents:
            place = place.setdefault(parent, {})
        place[key] = value
    return get_arena(Scenario.model_validate(content), folder)


def image_folder_scenario(folder: Path, images: dict[str, list[np.ndarray]]) -> dict[str, Any]:
    """Write the images of each class as PNG files; a specification in which no class changes health."""
    for name, each in images.items():
        (folder / name).mkdir(parents=True)
        for index, image in enumerate(each):
            Image.fromarray(image).save(folder / name / f"{index:03d}.png")
    return {
        "name": "from_folder",
        "stimuli": {
            "images": {"source": "folder", "path": str(folder)},
            "classes": [{"name": name, "health": 0} for name in images],
        },
        "health": {"hunger": 0},
    }


def count_by_class(info: dict[str, Any], classes: int) -> np.ndarray:
    """How many stimuli of each class are in the world."""
    return np.bincount([each["class_index"] for each in info["world"]], minlength=classes)


def wander(environment: GatheringEnvironment, steps: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Reset, then walk to the nearest thing in view, or turn; yields the info of the reset and of every step."""
    _, info = environment.reset(seed=seed)
    yield info
    middle = environment.scenario.observation.width / 2
    for _ in range(steps):
        turn = 1
        if info["objects"]:
            left, _, width, _ = info["objects"][0]["box"]
            aside = left + width / 2 - middle
            turn = 0 if abs(aside) < 4 else 1 if aside < 0 else 2
        _, _, terminated, truncated, info = environment.step(np.array([turn, 1]))
        yield info
        if terminated or truncated:
            return

"""What the engine shows of each class of a scenario, met by turning on the spot."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from retinoscope.scenarios import ArenaArchive
from retinoscope.worlds.doom.environment import GatheringEnvironment


def largest_views(
    arena: ArenaArchive, tallest: int = 30, episodes: int = 30, proportion: float | None = None
) -> dict[str, np.ndarray]:
    """Class name, as the labels buffer has it, -> the tallest of its views, (height, width, 3) uint8.

    Ends early once every class was seen at least `tallest` pixels tall. The box of a stimulus is that of its visible
    part; where `proportion`, width by height of the images, is given, views of another are of something half hidden and
    are passed over. The engine's pixels are a fifth taller than wide.
    """
    views: dict[str, np.ndarray] = {}
    for name, view in every_view(arena, episodes):
        if proportion is not None and abs(view.shape[1] * 1.2 / view.shape[0] / proportion - 1) > 0.08:
            continue
        if name not in views or len(view) > len(views[name]):
            views[name] = view
        if len(views) == len(arena.scenario.class_names) and min(map(len, views.values())) >= tallest:
            break
    return views


def every_view(arena: ArenaArchive, episodes: int) -> Iterator[tuple[str, np.ndarray]]:
    """Class name and the pixels within its box, of all that nothing nearer overlaps and that are wholly on the screen.

    In each of so many episodes the agent turns once on the spot.
    """
    environment = GatheringEnvironment(arena)
    try:
        for episode in range(episodes):
            image, info = environment.reset(seed=episode)
            for _ in range(28):
                for place, each in enumerate(info["objects"]):
                    left, top, width, height = (round(value) for value in each["box"])
                    is_whole = left > 0 and top > 0 and left + width < image.shape[1] and top + height < image.shape[0]
                    # What is drawn before what goes by depth, which by this much may differ from distance.
                    nearer = [
                        other
                        for other in info["objects"][:place] + info["objects"][place + 1 :]
                        if other["distance"] < 1.2 * each["distance"]
                    ]
                    if is_whole and not any(_overlap(each["box"], other["box"]) for other in nearer):
                        name = arena.scenario.class_names[each["class_index"]]
                        yield name, image[top : top + height, left : left + width].copy()
                image, _, terminated, truncated, info = environment.step(np.array([1, 0]))
                if terminated or truncated:
                    break
    finally:
        environment.close()


def correlation(view: np.ndarray, source: np.ndarray) -> float:
    """Pearson's, over pixels and channels, of `source` and the view brought to its size by area averaging."""
    size = (source.shape[1], source.shape[0])
    seen = np.asarray(Image.fromarray(view).resize(size, Image.Resampling.BOX), float)
    return float(np.corrcoef(seen.ravel(), source[..., :3].astype(float).ravel())[0, 1])


def _overlap(one: np.ndarray, other: np.ndarray) -> bool:
    apart = 2.0  # pixels: boxes are whole pixels of a picture that is not
    return bool(
        one[0] < other[0] + other[2] + apart
        and other[0] < one[0] + one[2] + apart
        and one[1] < other[1] + other[3] + apart
        and other[1] < one[1] + one[3] + apart
    )

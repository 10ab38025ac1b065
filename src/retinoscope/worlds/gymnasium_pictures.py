"""The observations of a Gymnasium environment as pictures, (height, width, channel), 0 to 255."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces

from retinoscope.errors import UserError
from retinoscope.worlds.declaration import Picture

_COLOURS = (1, 3)
_MOST_CHANNELS = 64  # of one observation, more than that many of which are rows or columns


@dataclass(frozen=True)
class Pictures:
    """How an observation becomes a picture.

    Attributes:
        picture: what comes out.
        shape: of the observation.
        order: its axes in the order (row, column, channels...).
        low, high: of observations that are not uint8.
        name: of the world.
    """

    picture: Picture
    shape: tuple[int, ...]
    order: tuple[int, ...]
    low: float
    high: float
    name: str

    def shown_by(self, environment: gymnasium.Env[Any, Any]) -> PictureEnvironment:
        """The environment, showing pictures."""
        return PictureEnvironment(environment, self)

    def of(self, observation: Any) -> np.ndarray:
        """One observation as a picture.

        Raises:
            UserError: it is none, or of another size than the first.
        """
        seen = np.asarray(observation)
        if seen.shape != self.shape:
            raise UserError(
                f"world {self.name!r}: an observation has the shape {seen.shape}, the first had {self.shape}; "
                "it has to stay the same"
            )
        picture = seen.transpose(self.order).reshape(self.picture.shape)
        if self.picture.dtype == "uint8":
            return np.array(picture, np.uint8, order="C")  # a copy: environments draw into the same array again
        if not np.isfinite(picture).all():
            raise UserError(f"world {self.name!r}: an observation holds numbers that are not finite")
        return np.ascontiguousarray((picture - self.low) * (255 / (self.high - self.low)), np.float32)


class PictureEnvironment(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment whose observations are pictures as the house knows them."""

    def __init__(self, environment: gymnasium.Env[Any, Any], pictures: Pictures) -> None:
        super().__init__(environment)
        self._pictures = pictures
        picture = pictures.picture
        self.observation_space = spaces.Box(0, 255, picture.shape, np.dtype(picture.dtype).type)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        return self._pictures.of(observation), info

    def step(self, action: Any) -> tuple[np.ndarray, SupportsFloat, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._pictures.of(observation), reward, terminated, truncated, info


def pictures_of(environment: gymnasium.Env[Any, Any], name: str, frames: int | None) -> Pictures:
    """How this environment's observations become pictures.

    Args:
        environment: as the agent lives in it.
        name: of the world.
        frames: how many are stacked in one; None if that has to be seen.

    Raises:
        UserError: they are no pictures, or it cannot be seen how many frames are stacked.
    """
    space = environment.observation_space
    if not isinstance(space, spaces.Box) or space.dtype is None or space.dtype.kind not in "uf":
        raise UserError(
            f"world {name!r}: its observation is {_short(space)}, which is no picture; add a wrapper that makes it one"
        )
    if space.dtype.kind == "u" and space.dtype != np.uint8:
        raise UserError(f"world {name!r}: its observation is {space.dtype}; pictures are uint8 or float")
    order, stacked = _order(space.shape, name)
    height, width = space.shape[order[0]], space.shape[order[1]]
    channels = int(np.prod([space.shape[axis] for axis in order[2:]], dtype=int))
    low, high = float(np.min(space.low)), float(np.max(space.high))
    if space.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise UserError(
            f"world {name!r}: its observation is {space.dtype} from {low:g} to {high:g}; give its "
            "space the values of black and white"
        )
    count = frames or stacked or _stack(environment) or (1 if channels in _COLOURS else None)
    if count is None or channels % count:
        raise UserError(
            f"world {name!r}: its observation has {channels} channels; say how many frames are stacked in it, "
            "frames=1 for one"
        )
    picture = Picture(height, width, channels, "uint8" if space.dtype == np.uint8 else "float32", frames=count)
    return Pictures(picture, tuple(space.shape), order, low, high, name)


def _order(shape: tuple[int, ...], name: str) -> tuple[tuple[int, ...], int | None]:
    """Axes in the order (row, column, channels...), and how many frames are stacked if that is plain."""
    if len(shape) == 2:
        return (0, 1), None
    if len(shape) == 3:
        first, last = shape[0] <= _MOST_CHANNELS, shape[2] <= _MOST_CHANNELS
        if last and (not first or shape[2] in _COLOURS or shape[2] < shape[0]):
            return (0, 1, 2), None
        if first:
            return (1, 2, 0), None
    if len(shape) == 4 and shape[0] <= _MOST_CHANNELS:
        if shape[3] in _COLOURS:
            return (1, 2, 0, 3), shape[0]
        if shape[1] in _COLOURS:
            return (2, 3, 0, 1), shape[0]
    raise UserError(
        f"world {name!r}: its observation has the shape {shape}, which is no picture; add a wrapper that makes it one"
    )


def _stack(environment: gymnasium.Env[Any, Any]) -> int | None:
    """Frames that one of the wrappers says it stacks."""
    layer: Any = environment
    while isinstance(layer, gymnasium.Wrapper):
        if type(layer).__name__.startswith("FrameStack"):
            return int(getattr(layer, "num_stack", 0) or getattr(layer, "stack_size", 0)) or None
        layer = layer.env
    return None


def _short(space: spaces.Space[Any]) -> str:
    return type(space).__name__ if not isinstance(space, spaces.Box) else f"a Box of {space.dtype}"

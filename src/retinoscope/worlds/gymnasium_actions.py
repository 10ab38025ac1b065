"""The actions of a Gymnasium environment as heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from retinoscope.errors import UserError
from retinoscope.worlds.declaration import Actions


@dataclass(frozen=True)
class Chooser:
    """Stored actions, (head,) int or (number,) float, as the environment takes them.

    Attributes:
        heads: what can be chosen.
        space: of the environment.
    """

    heads: tuple[Actions, ...]
    space: spaces.Space[Any]

    def action(self, chosen: np.ndarray) -> Any:
        """What `step` takes."""
        space = self.space
        if isinstance(space, spaces.Discrete):
            return int(chosen[0]) + int(space.start)
        assert space.shape is not None
        whole = np.asarray(chosen).reshape(space.shape)
        if isinstance(space, spaces.Box):
            return np.clip(whole, space.low, space.high).astype(space.dtype)
        return whole.astype(space.dtype)


def chooser_of(environment: gymnasium.Env[Any, Any], name: str) -> Chooser:
    """What there is to choose.

    Raises:
        UserError: the actions are of another kind.
    """
    space = environment.action_space
    if isinstance(space, spaces.Discrete):
        return Chooser((Actions("action", _meanings(environment, int(space.n))),), space)
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1:
        sizes = [int(each) for each in space.nvec]
        return Chooser(tuple(Actions(f"action {head}", _numbered(size)) for head, size in enumerate(sizes)), space)
    if isinstance(space, spaces.MultiBinary) and len(space.shape) == 1:
        return Chooser(tuple(Actions(f"action {head}", ("off", "on")) for head in range(space.shape[0])), space)
    if isinstance(space, spaces.Box) and space.dtype is not None and space.dtype.kind == "f":
        low, high = space.low.ravel().tolist(), space.high.ravel().tolist()
        return Chooser((Actions("action", _numbered(len(low)), tuple(zip(low, high, strict=True))),), space)
    raise UserError(
        f"world {name!r}: its actions are {space}; supported are Discrete, MultiDiscrete, MultiBinary and Box of floats"
    )


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def _meanings(environment: gymnasium.Env[Any, Any], count: int) -> tuple[str, ...]:
    """What the environment itself calls its actions, as Atari does, or what an enumeration of them does."""
    inner = environment.unwrapped
    told = getattr(inner, "get_action_meanings", None)
    found = list(told()) if callable(told) else [each.name for each in _enumeration(inner)]
    names = tuple(str(each).lower().replace("_", " ") for each in found)
    return names if len(names) == len(set(names)) == count else _numbered(count)


def _enumeration(inner: Any) -> list[Any]:
    """MiniGrid and others keep an `Enum` of their actions."""
    import enum

    actions = getattr(inner, "actions", None)
    return list(actions) if isinstance(actions, type) and issubclass(actions, enum.Enum) else []

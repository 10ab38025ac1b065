"""What an agent lives in."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np

from retinoscope.errors import NotMeasurable
from retinoscope.worlds.declaration import Declaration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from retinoscope.rollouts.recording import Recording
    from retinoscope.worlds.views import View


class World(abc.ABC):
    """A world: how its environment is made, and what there is in it.

    A world can be sent to other processes; what it holds open, its environments hold. `retinoscope.gymnasium_world`
    makes one of any Gymnasium environment whose observation is a picture.

    Attributes:
        declaration: what there is, as plain data.
        decisions_at_most: after which an episode is over; None where there is no such number.
    """

    declaration: Declaration
    decisions_at_most: int | None = None

    @abc.abstractmethod
    def environment(self, *, objects_in_view: bool = True, window: bool = False) -> gymnasium.Env[Any, Any]:
        """A new environment, exactly as the agent lives in it; its observations are those of `declaration.picture`.

        Args:
            objects_in_view: it can say what is in view, where the world can; leaving it out may be faster.
            window: a person watches.

        Raises:
            UserError: it cannot be made.
        """

    def require_playable(self) -> None:  # noqa: B027 - most worlds lack nothing
        """Refuse where this machine lacks what playing needs, before anything is begun.

        Raises:
            UserError: it does.
        """

    def action(self, chosen: np.ndarray) -> Any:
        """What `step` of the environment takes for a stored action, (head,) int or (number,) float."""
        return chosen

    def variables(self, environment: gymnasium.Env[Any, Any], info: Mapping[str, Any]) -> Mapping[str, Any]:
        """The value of every declared variable at the time of the observation that came with `info`."""
        return {}

    def events(self, environment: gymnasium.Env[Any, Any], info: Mapping[str, Any], reward: float) -> np.ndarray:
        """How often every declared event happened in the step that gave `info` and `reward`, (event,) int64."""
        return np.zeros(len(self.declaration.events), np.int64)

    def objects(self, environment: gymnasium.Env[Any, Any], info: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """What is in view, nearest first: `class_index`, `box` (left, top, width, height; pixels), `distance`."""
        return ()

    def gathered(self, info: Mapping[str, Any], counts: np.ndarray) -> float:
        """The sum of the valences of what happened in a step."""
        return float(counts @ self.declaration.valences)

    def survived(self, info: Mapping[str, Any], terminated: bool) -> bool:
        """Whether the agent outlived an episode that is over; see `Words.survived`."""
        return not terminated

    def duration(self, decisions: int) -> float:
        """How long so many decisions from the start of an episode take, in units of the declaration's clock."""
        return decisions * self.declaration.clock.per_decision

    def empty_view(self) -> np.ndarray:
        """The first observation in the world with nothing in it, (height, width, channel), read-only.

        Raises:
            NotMeasurable: it cannot be emptied.
        """
        raise self._not_emptied()

    def views_again(self, recording: Recording, rows: Iterable[int]) -> Iterator[View]:
        """Rows of a recording made here, played again: what lay behind the objects in view, and which pixels show them.

        Raises:
            NotMeasurable: the world cannot be emptied, or does not repeat what was recorded.
        """
        raise self._not_emptied()

    def _not_emptied(self) -> NotMeasurable:
        return NotMeasurable(f"world {self.declaration.name!r}: cannot be shown without what is in it; give a baseline")

"""What was in view, pixel by pixel: a recording played again, with and without its stimuli.

Episodes depend on their seed and actions alone, so that the recorded actions lead through the same world again. Played
with the engine's labels they give the mask of every object; played in the arena without stimuli, where the same
actions lead along the same path, they give what each frame would have shown had there been nothing to gather.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import vizdoom

from retinoscope.errors import NotMeasurable, UserError
from retinoscope.scenarios import ArenaArchive, get_arena
from retinoscope.worlds.doom.emptied import without_stimuli
from retinoscope.worlds.doom.environment import GatheringEnvironment
from retinoscope.worlds.seeds import world_seed
from retinoscope.worlds.views import View

if TYPE_CHECKING:
    from retinoscope.rollouts.recording import Episode, Recording


def views_again(recording: Recording, arena: ArenaArchive, rows: Iterable[int]) -> Iterator[View]:
    """Play a recording again and take its rows apart.

    Args:
        recording: made in `arena`.
        arena: where it was made.
        rows: which rows; each is yielded once, in increasing order.

    Raises:
        UserError: there is no such row; the engine does not show again what was recorded; or the path through the empty
            arena is another one.
    """
    wanted = sorted({int(row) for row in rows})
    if wanted and not 0 <= wanted[0] <= wanted[-1] < recording.frames:
        raise UserError(f"rows: {recording.path} has rows 0 to {recording.frames - 1}; choose among these")
    empty = get_arena(without_stimuli(arena.scenario))
    full_world, empty_world = _MaskedEnvironment(arena), _ReplayedEnvironment(empty, objects_in_view=False)
    try:
        for episode, number in _numbered(recording):
            inside = [row for row in wanted if episode.start <= row < episode.stop]
            if inside:
                seed = world_seed(recording.attributes["seed"], episode.environment, number)
                yield from _episode_again(recording, full_world, empty_world, episode, seed, inside)
    finally:
        full_world.close()
        empty_world.close()


def _numbered(recording: Recording) -> Iterator[tuple[Episode, int]]:
    """Episodes with their numbers in their environment."""
    numbers: dict[int, int] = {}
    for episode in recording.episodes:
        number = numbers.get(episode.environment, 0)
        numbers[episode.environment] = number + 1
        yield episode, number


def _episode_again(
    recording: Recording,
    full_world: _MaskedEnvironment,
    empty_world: _ReplayedEnvironment,
    episode: Episode,
    seed: int,
    wanted: list[int],
) -> Iterator[View]:
    stored = recording.rows(episode.start, wanted[-1] + 1, ("observation", "position", "angle", "action"))
    seen, info = full_world.reset(seed=seed)
    background, alone = empty_world.reset(seed=seed)
    for step in range(stored.sizes["time"]):
        row = episode.start + step
        if row in wanted:
            if not np.array_equal(seen, stored["observation"].values[step]):
                raise NotMeasurable(
                    f"{recording.path}: the game engine does not show row {row} again (another version or arena?); "
                    "record anew"
                )
            if not np.allclose(info["position"], alone["position"], atol=0.01):
                raise NotMeasurable(
                    f"{recording.path}: at row {row} the path through the empty arena is another one (something that "
                    "stands in the way); attribution cannot tell what lies behind the objects"
                )
            view = View(row, background, full_world.masks())
            _require_same_room(recording, view, seen)
            yield view
        if row == wanted[-1]:
            return
        action = stored["action"].values[step]
        if row + 1 in wanted:
            seen, _, _, _, info = full_world.step(action)
            background, _, _, _, alone = empty_world.step(action)
        else:
            full_world.play_on(action)
            empty_world.play_on(action)


def _require_same_room(recording: Recording, view: View, seen: np.ndarray) -> None:
    """Where there is no object, the empty arena shows what was seen."""
    is_free = ~(view.masks > 0).any(axis=0)
    if not np.array_equal(seen[is_free], view.background[is_free]):
        raise NotMeasurable(
            f"{recording.path}: in row {view.row} the arena without stimuli shows something else than what was seen "
            "between the objects (obstacles stand elsewhere in every episode); attribution cannot tell what lies behind"
        )


class _ReplayedEnvironment(GatheringEnvironment):
    """An environment that can be played without being looked at."""

    def play_on(self, action: np.ndarray) -> None:
        """`step`, but that nothing is drawn: most of the time goes into views, and of most rows none is wanted."""
        assert self._game is not None  # it was reset
        tics = min(self.scenario.frame_skip, self.scenario.episode_tics - self._tics)
        self._game.set_action(self._rules.press(np.asarray(action)))
        self._game.advance_action(tics, False)
        self._tics += tics


class _MaskedEnvironment(_ReplayedEnvironment):
    """An environment that can say which pixels show which object in view."""

    def masks(self) -> np.ndarray:
        """Of the last observation, (object, height, width) float32; objects in the order of `info["objects"]`."""
        factor = self.scenario.observation.supersampling
        height, width = self._observation.shape[:2]
        blocks = self._labels.reshape(height, factor, width, factor)
        is_there = blocks == np.asarray(self._values, blocks.dtype).reshape(-1, 1, 1, 1, 1)
        counts = is_there.sum(axis=(2, 4), dtype=np.float32)
        return counts / np.float32(factor * factor)

    def _visible_objects(self, state: vizdoom.GameState) -> list[dict[str, Any]]:
        assert state.labels is not None and state.game_variables is not None  # asked for by default
        x, y = state.game_variables[1:3]
        labels = [each for each in state.labels if self._rules.name_object(each) is not None]
        # As the objects are sorted, by distance and stably.
        labels.sort(key=lambda each: float(np.hypot(each.object_position_x - x, each.object_position_y - y)))
        self._labels, self._values = np.asarray(state.labels_buffer), [each.value for each in labels]
        return super()._visible_objects(state)

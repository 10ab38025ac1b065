"""An arena of the game engine as a world."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import gymnasium
import numpy as np

from retinoscope.scenarios import ArenaArchive, ForeignScenario, Scenario, foreign_part, get_arena
from retinoscope.scenarios.foreign_fit import Heads, fitted_to
from retinoscope.scenarios.specification import TICS_PER_SECOND
from retinoscope.worlds.declaration import Actions, Declaration, Endings, Event, Picture, Variable, Words
from retinoscope.worlds.views import View
from retinoscope.worlds.world import World

if TYPE_CHECKING:
    from retinoscope.rollouts.recording import Recording

WORDS = Words("healing", "harmful", "pick-up", "pick-ups", "health gathered", "survived")
TIME_LIMIT = "the time limit ended the episode"
INFERRED = "pick-ups are inferred from changes of health, hunger excluded"
BY_KIND = f"healing and harmful {INFERRED}; those by kind are things that were gone once the agent had been beside them"


class DoomWorld(World):
    """An arena built here, or one made elsewhere.

    What is in an arena made elsewhere is known after a trial: its first declaration starts the game engine, once for
    every arena and engine.

    Args:
        arena: built or found.

    Attributes:
        arena: the same.
    """

    def __init__(self, arena: ArenaArchive) -> None:
        self.arena = arena

    @functools.cached_property
    def declaration(self) -> Declaration:  # type: ignore[override]  # an attribute there
        """Raises `UserError` if the engine cannot play an arena made elsewhere."""
        foreign = foreign_part(self.arena.scenario)
        if foreign is None:
            return declaration_of(self.arena.scenario, self.arena.sha256)
        from retinoscope.worlds.doom.foreign import kinds_of_objects, kinds_of_pickups
        from retinoscope.worlds.doom.trial import trial_of

        trial = trial_of(self.arena, foreign)
        return declaration_of(self.arena.scenario, self.arena.sha256, kinds_of_pickups(trial), kinds_of_objects(trial))

    def lived_in_by(self, shape: tuple[int, ...], heads: Heads) -> DoomWorld:
        """This world as an agent lives in it; another one only if it was made elsewhere, for view and actions then fit.

        Args:
            shape: of the agent's observations, (height, width, channel).
            heads: names of the agent's heads and of their outputs.

        Raises:
            UserError: it is not sure which buttons the outputs press.
        """
        foreign = foreign_part(self.arena.scenario)
        if foreign is None or shape[2:] != (3,):
            return self
        fitted = fitted_to(foreign, shape[0], shape[1], heads)
        if fitted is foreign:
            return self
        return DoomWorld(get_arena(cast(Scenario, fitted)))

    def environment(self, *, objects_in_view: bool = True, window: bool = False) -> gymnasium.Env[Any, Any]:
        # Looking at what a world declares needs no game engine.
        from retinoscope.worlds.doom.environment import GatheringEnvironment

        # Where nothing but the agent was met, all would be labelled for nothing.
        is_labelled = objects_in_view and self.declaration.object_classes is not None
        return GatheringEnvironment(self.arena, is_labelled, "human" if window else None)

    def require_playable(self) -> None:
        import retinoscope.worlds.doom.engine  # noqa: F401 - says so where the game engine is missing

    def variables(self, environment: gymnasium.Env[Any, Any], info: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**{name: info[name] for name in ("health", "position", "angle")}, **info.get("variables", {})}

    def events(self, environment: gymnasium.Env[Any, Any], info: Mapping[str, Any], reward: float) -> np.ndarray:
        return cast(np.ndarray, info["pickups"])

    def gathered(self, info: Mapping[str, Any], counts: np.ndarray) -> float:
        return float(info.get("health_gathered", super().gathered(info, counts)))

    def survived(self, info: Mapping[str, Any], terminated: bool) -> bool:
        return not info.get("died", terminated)

    def objects(self, environment: gymnasium.Env[Any, Any], info: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return cast(Sequence[Mapping[str, Any]], info.get("objects", ()))

    def empty_view(self) -> np.ndarray:
        from retinoscope.worlds.doom.emptied import empty_frame

        return empty_frame(self.arena.scenario)

    def views_again(self, recording: Recording, rows: Iterable[int]) -> Iterator[View]:
        from retinoscope.worlds.doom.views import views_again

        return views_again(recording, self.arena, rows)

    @functools.cached_property
    def decisions_at_most(self) -> int:  # type: ignore[override]  # an attribute there
        scenario = self.arena.scenario
        return -(-scenario.episode_tics // scenario.frame_skip)

    def duration(self, decisions: int) -> float:
        scenario = self.arena.scenario
        return min(decisions * scenario.frame_skip, scenario.episode_tics) / TICS_PER_SECOND


def declaration_of(
    scenario: Scenario, sha256: str, pickups: tuple[str, ...] = (), objects: tuple[str, ...] = ()
) -> Declaration:
    """What there is in an arena.

    Args:
        scenario: of the arena.
        sha256: its identity.
        pickups: of an arena made elsewhere, the kinds of what can be picked up, as its trial met them.
        objects: likewise of what can be seen.
    """
    foreign, view = foreign_part(scenario), scenario.observation
    variables: tuple[Variable, ...] = (
        Variable("health", "points", low=0.0, high=None if foreign is not None else float(scenario.health.maximum)),
        Variable("position", "map units", labels=("x", "y"), axis="axis", kind="place"),
        Variable("angle", "degrees", "heading", kind="heading", low=0.0, high=360.0),
    )
    ended, is_ours = "the agent died", foreign is None
    if foreign is not None:
        taken = {each.name for each in variables}
        variables += tuple(
            Variable(name, long_name=f"game variable {name}") for name in foreign.variables if name not in taken
        )
        ended = "the agent died, or the scenario ended"
    units = "points of health" if is_ours else ""
    effects = [float(each) for each in scenario.class_effects]
    return Declaration(
        name=scenario.name,
        sha256=sha256,
        source=scenario.to_yaml(),
        picture=Picture(view.height, view.width, 3, field_of_view=_field_of_view(view.height, view.width, is_ours)),
        actions=tuple(Actions(name, tuple(outputs)) for name, outputs in scenario.action_heads.items()),
        seconds_per_decision=scenario.frame_skip / TICS_PER_SECOND,
        variables=variables,
        events=tuple(
            Event(name, effect, units, is_inferred=not is_ours)
            for name, effect in zip(scenario.class_names, effects, strict=True)
        )
        + tuple(Event(name) for name in pickups),
        words=WORDS,
        endings=Endings(ended, TIME_LIMIT, "deaths" if is_ours else "endings"),
        object_classes=tuple(scenario.class_names) if is_ours else objects or None,
        object_valences=tuple(effects) if is_ours else (None,) * len(objects),
        distance_units="map units",
        can_be_emptied=is_ours,
        can_show_images=is_ours,
        notes=() if foreign is None else (BY_KIND if pickups else INFERRED, *_fit(foreign)),
    )


def _field_of_view(height: int, width: int, is_ours: bool) -> float | None:
    """90 degrees in a view of 4:3; in others, and in arenas that may set it, it is not known."""
    return 90.0 if is_ours and 4 * height == 3 * width else None


def _fit(scenario: ForeignScenario) -> tuple[str, ...]:
    """What was done for an agent of another view than agents trained here have."""
    if scenario.screen is None:
        return ()
    view = scenario.observation
    return (
        f"drawn in {scenario.screen} pixels, as the .cfg asks, and averaged to {view.width}x{view.height}, the agent's "
        "view; that it was trained on such pictures is not known",
    )

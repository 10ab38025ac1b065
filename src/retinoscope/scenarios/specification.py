"""What a scenario is: the pydantic models behind the YAML files, with every default in this one place.

Distances are in map units of the Doom engine (a player is 32 wide and 56 tall, eyes at 41), times in tics of 1/35 s.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pydantic
import yaml

from retinoscope.scenarios.class_names import CLASS_NAME
from retinoscope.scenarios.image_sources import ImageSource

TICS_PER_SECOND = 35
ACTION_HEADS: dict[str, tuple[str, ...]] = {
    "turn": ("none", "left", "right"),
    "move": ("none", "forward", "backward"),
}
"""Heads of the action space of every arena built here and the names of their outputs, in order."""

MAXIMUM_CLASSES = 60  # the engine exposes sixty counters, USER1 ... USER60, one for each class

GAP_FOR_AGENT = 34
"""Between an obstacle and the next one or a wall; the agent is 32 wide."""
_MOST_OBSTACLE_COVER = 0.45  # squares thrown at random, none touching another, jam at 0.562 of the area
_MOST_STIMULUS_COVER = 1.0  # with this, e^-1 of the places or more are free for a stimulus


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    _only_if_chosen: ClassVar[tuple[str, ...]] = ()
    """Fields that are written out only where they differ from their default: a specification that does not use them
    keeps the text, and so its archive the hash, that it had before there were such fields."""

    @pydantic.model_serializer(mode="wrap")
    def _leave_out_what_was_not_chosen(self, serialise: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = serialise(self)
        for name in self._only_if_chosen:
            if getattr(self, name) == type(self).model_fields[name].default:
                content.pop(name, None)
        return content


class StimulusClass(_Model):
    """One kind of thing to pick up."""

    _only_if_chosen = ("images", "image_class", "count", "distractor")

    name: str = pydantic.Field(pattern=CLASS_NAME, description="name of the class, and of its images where not said")
    health: int = pydantic.Field(ge=-1000, le=1000, description="change of health when picked up")
    distractor: bool = pydantic.Field(False, description="there to be told apart from what matters; health is 0 then")
    count: int | None = pydantic.Field(None, ge=0, le=1000, description="at the start, if not count_per_class")
    images: ImageSource | None = pydantic.Field(None, description="an image set of its own")
    image_class: str | None = pydantic.Field(
        None, pattern=CLASS_NAME, description="class in the image set, if it is not the name"
    )

    @pydantic.model_validator(mode="after")
    def _distractors_change_nothing(self) -> StimulusClass:
        if self.distractor and self.health:
            raise ValueError(f"distractor {self.name!r} has health {self.health}, which must be 0")
        return self


class ComeBack(_Model):
    """How stimuli return.

    `replace`: one of the same class appears elsewhere in the `tics`-th tic, the one of the pick-up being the first, so
    that the arena's composition is constant. `stream`: one of a random class, all equally likely, appears every
    `tics`, whatever was picked up.
    """

    mode: Literal["replace", "stream"] = "replace"
    tics: int = pydantic.Field(10, ge=1, le=100_000)


class Stimuli(_Model):
    """The things in the arena and how they look and return."""

    images: ImageSource
    classes: tuple[StimulusClass, ...] = pydantic.Field(min_length=1, max_length=MAXIMUM_CLASSES)
    size: float = pydantic.Field(64.0, gt=0, le=512, description="drawn height, map units")
    vertical_offset: float = pydantic.Field(0.0, ge=0, le=48, description="height above the floor, map units")
    radius: int = pydantic.Field(20, ge=1, le=256, description="pick-up half-width, map units")
    count_per_class: int = pydantic.Field(4, ge=0, le=1000, description="at the start of an episode")
    clearance: int = pydantic.Field(
        120, ge=0, le=2000, description="none appears nearer (the engine overrates distances, by up to 12%)"
    )
    come_back: ComeBack = ComeBack()

    @pydantic.model_validator(mode="after")
    def _names_are_unique(self) -> Stimuli:
        names = [each.name for each in self.classes]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"class {repeated[0]!r} appears more than once")
        return self


class Arena(_Model):
    """A square room."""

    half_width: int = pydantic.Field(640, ge=128, le=8000, description="walls at plus and minus this")
    spawn_half_width: int = pydantic.Field(500, ge=16, le=8000, description="stimuli appear within plus and minus this")
    height: int = pydantic.Field(192, ge=64, le=4096)
    wall: str = pydantic.Field("BROWN1", pattern=r"^[A-Z0-9_\-]{1,8}$", description="texture in the game's file")
    floor: str = pydantic.Field("GRASS1", pattern=r"^[A-Z0-9_\-]{1,8}$")
    ceiling: str = pydantic.Field("F_SKY1", pattern=r"^[A-Z0-9_\-]{1,8}$")
    light: int = pydantic.Field(192, ge=0, le=255)

    @pydantic.model_validator(mode="after")
    def _stimuli_fit(self) -> Arena:
        if self.spawn_half_width > self.half_width - 32:
            raise ValueError("spawn_half_width must be at least 32 less than half_width")
        return self


class Obstacles(_Model):
    """Solid pillars, drawn by formula, at random places of the whole room; other places in every episode.

    They touch neither each other nor the agent nor a stimulus, and the agent fits through between any two and along
    the walls, so that every place can be reached.
    """

    count: int = pydantic.Field(ge=1, le=1000)
    radius: int = pydantic.Field(8, ge=4, le=64, description="half the width, map units")
    height: int = pydantic.Field(96, ge=16, le=512, description="map units")


class Health(_Model):
    """The agent's health and what hunger does to it.

    Hunger strikes at tics 0, `hunger_tics`, 2 `hunger_tics` ... of an episode, the first time before the first
    observation, which thus finds the health at `start` - `hunger`.
    """

    start: int = pydantic.Field(100, ge=1, le=10_000)
    maximum: int = pydantic.Field(200, ge=2, le=10_000, description="healing stops here")
    hunger: int = pydantic.Field(3, ge=0, le=1000, description="damage per hunger interval; 0 for none")
    hunger_tics: int = pydantic.Field(32, ge=1, le=10_000)

    @pydantic.model_validator(mode="after")
    def _start_is_possible(self) -> Health:
        if self.start > self.maximum:
            raise ValueError(f"start ({self.start}) must not be above maximum ({self.maximum})")
        if self.start <= self.hunger:
            raise ValueError(f"start ({self.start}) must be above hunger ({self.hunger}), which strikes at once")
        return self


class Observation(_Model):
    """What the policy sees: the engine renders at `render_*`, and an area mean brings it to `height` x `width`."""

    height: int = pydantic.Field(60, ge=8, le=1080)
    width: int = pydantic.Field(80, ge=8, le=1920)
    supersampling: Literal[1, 2, 4] = 2
    screen_flashes: bool = pydantic.Field(False, description="tint the view on damage and pick-up")


class Reward(_Model):
    """Terms of the reward of one decision.

    The pick-up term counts the nominal effect of what was picked up, not the change of health: at the maximum of
    health the change vanishes, and an agent that is doing well would have no reason left to tell classes apart.
    """

    pickup_scale: float = pydantic.Field(0.1, description="times the class's effect on health, per pick-up")
    step: float = pydantic.Field(0.01, description="for every decision survived")
    death: float = -1.0


class Scenario(_Model):
    """A playable arena, as validated from YAML."""

    _only_if_chosen = ("obstacles", "backward")

    name: str = pydantic.Field(pattern=r"^[a-z0-9][a-z0-9_]{0,63}$")
    title: str = ""
    arena: Arena = Arena()
    obstacles: Obstacles | None = None
    stimuli: Stimuli
    health: Health = Health()
    observation: Observation = Observation()
    reward: Reward = Reward()
    episode_tics: int = pydantic.Field(2100, ge=1, le=1_000_000)
    frame_skip: int = pydantic.Field(4, ge=1, le=100, description="tics per decision")
    backward: bool = pydantic.Field(True, description="the agent can walk backward")
    training: dict[str, Any] = pydantic.Field(
        default_factory=dict,
        exclude=True,  # it is about agents and no part of the arena, whose identity is what is written out
        description="options of `retinoscope train` for agents of this arena, such as initial_scale: 0.3",
    )

    @pydantic.model_validator(mode="after")
    def _there_is_room(self) -> Scenario:
        clearance, reach = self.stimuli.clearance, self.arena.spawn_half_width
        if clearance > reach:  # beyond this the engine could search for a free place for ever
            raise ValueError(f"stimuli.clearance ({clearance}) must not be above arena.spawn_half_width ({reach})")
        return self

    @pydantic.model_validator(mode="after")
    def _obstacles_fit(self) -> Scenario:
        obstacles = self.obstacles
        if obstacles is None:
            return self
        square = 2 * obstacles.radius + GAP_FOR_AGENT
        side = 2 * self.arena.half_width - GAP_FOR_AGENT  # half of the gap belongs to the square on either side
        possible = int(_MOST_OBSTACLE_COVER * (side / square) ** 2)
        beside_stimuli = 2 * (obstacles.radius + self.stimuli.radius)
        possible = min(possible, int(_MOST_STIMULUS_COVER * (side / beside_stimuli) ** 2))
        if obstacles.count > possible:
            raise ValueError(
                f"obstacles: {obstacles.count} of radius {obstacles.radius} do not fit into a room of half_width "
                f"{self.arena.half_width} with gaps for the agent; {possible} do"
            )
        if obstacles.height > self.arena.height:
            raise ValueError(
                f"obstacles.height ({obstacles.height}) must not be above arena.height ({self.arena.height})"
            )
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.stimuli.classes)

    @property
    def action_heads(self) -> dict[str, tuple[str, ...]]:
        """Heads of the action space and the names of their outputs, in order."""
        if self.backward:
            return ACTION_HEADS
        return {head: tuple(each for each in names if each != "backward") for head, names in ACTION_HEADS.items()}

    @property
    def class_effects(self) -> tuple[int, ...]:
        """Change of health per class, in the order of `class_names`."""
        return tuple(each.health for each in self.stimuli.classes)

    @property
    def class_counts(self) -> tuple[int, ...]:
        """How many of each class there are at the start of an episode, in the order of `class_names`."""
        usual = self.stimuli.count_per_class
        return tuple(usual if each.count is None else each.count for each in self.stimuli.classes)

    @property
    def health_on_offer(self) -> tuple[int, int]:
        """Health lost by picking up everything that hurts at the start, and gained by everything that heals."""
        totals = [effect * count for effect, count in zip(self.class_effects, self.class_counts, strict=True)]
        return sum(min(each, 0) for each in totals), sum(max(each, 0) for each in totals)

    def to_yaml(self) -> str:
        """The whole specification, defaults filled in, in a fixed order."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)

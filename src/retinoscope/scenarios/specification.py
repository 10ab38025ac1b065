"""What a scenario is: the pydantic models behind the YAML files, with every default in this one place.

Distances are in map units of the Doom engine (a player is 32 wide and 56 tall, eyes at 41), times in tics of 1/35 s.
"""

from __future__ import annotations

import reprlib
from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import yaml

from retinoscope.errors import UserError

TICS_PER_SECOND = 35
ACTION_HEADS: dict[str, tuple[str, ...]] = {
    "turn": ("none", "left", "right"),
    "move": ("none", "forward", "backward"),
}
"""Heads of the action space of every arena built here and the names of their outputs, in order."""

MAXIMUM_CLASSES = 60  # the engine exposes sixty counters, USER1 ... USER60, one for each class

_BRIEF = reprlib.Repr()  # for quoting a value in a message: YAML's aliases can make a small file's values endless
_BRIEF.maxlevel, _BRIEF.maxstring, _BRIEF.maxother = 1, 60, 60


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DigitsImages(_Model):
    """The 1,797 handwritten digits bundled with scikit-learn, 8 x 8 grey."""

    source: Literal["digits"]


class DrawnApples(_Model):
    """Apples drawn by formula, one hue per class (`red`, `blue`), with seeded variation in shape and shading."""

    source: Literal["apples"]
    variations: int = pydantic.Field(24, ge=1, le=1000, description="images per class")
    pixels: int = pydantic.Field(32, ge=8, le=256, description="side of an image")


class FolderImages(_Model):
    """A folder with one subfolder of PNG or JPEG files per class.

    Whatever their sizes, all images of a class are drawn equally tall. Pixels less than half opaque are not drawn.
    """

    source: Literal["folder"]
    path: Path


ImageSource = Annotated[DigitsImages | DrawnApples | FolderImages, pydantic.Field(discriminator="source")]


class StimulusClass(_Model):
    """One kind of thing to pick up."""

    name: str = pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$", description="class name in the image set")
    health: int = pydantic.Field(ge=-1000, le=1000, description="change of health when picked up")


class ComeBack(_Model):
    """How stimuli return.

    `replace`: one of the same class appears elsewhere in the `tics`-th tic, the one of the pick-up being the first, so
    that the arena's composition is constant. `stream`: one of a random class appears every `tics`, whatever was
    picked up.
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

    name: str = pydantic.Field(pattern=r"^[a-z0-9][a-z0-9_]{0,63}$")
    title: str = ""
    arena: Arena = Arena()
    stimuli: Stimuli
    health: Health = Health()
    observation: Observation = Observation()
    reward: Reward = Reward()
    episode_tics: int = pydantic.Field(2100, ge=1, le=1_000_000)
    frame_skip: int = pydantic.Field(4, ge=1, le=100, description="tics per decision")

    @pydantic.model_validator(mode="after")
    def _there_is_room(self) -> Scenario:
        clearance, reach = self.stimuli.clearance, self.arena.spawn_half_width
        if clearance > reach:  # beyond this the engine could search for a free place for ever
            raise ValueError(f"stimuli.clearance ({clearance}) must not be above arena.spawn_half_width ({reach})")
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.stimuli.classes)

    @property
    def class_effects(self) -> tuple[int, ...]:
        """Change of health per class, in the order of `class_names`."""
        return tuple(each.health for each in self.stimuli.classes)

    def to_yaml(self) -> str:
        """The whole specification, defaults filled in, in a fixed order."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


class _UniqueKeysLoader(yaml.SafeLoader):
    """Safe YAML in which a repeated key is a fault: plain YAML would silently keep only the last of the two."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} is repeated", key.start_mark)
        return super().construct_mapping(node, deep)


def read_scenario(path: Path) -> Scenario:
    """Read and validate a scenario file.

    Relative image folders are taken from the file's own folder.

    Raises:
        UserError: the file is missing, is not YAML, or does not fit the specification (names the first wrong key).
    """
    try:
        content = _UniqueKeysLoader(path.read_text(encoding="utf-8")).get_single_data()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give the path of a scenario file") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: is not YAML ({reason}); correct the file") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no mapping of keys to values; see `retinoscope scenario list` for examples")
    try:
        scenario = Scenario.model_validate(content)
    except pydantic.ValidationError as error:
        raise UserError(f"{path}: {_first_complaint(error)}") from None
    return _with_absolute_folder(scenario, path.resolve().parent)


def _first_complaint(error: pydantic.ValidationError) -> str:
    # A misspelt key is at once unknown and missing; the first of these says more.
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    sources = ("digits", "apples", "folder")  # pydantic puts the kind of image source into the place of the fault
    where = ".".join(str(part) for part in first["loc"] if part not in sources)
    if first["type"] == "extra_forbidden":
        return f"unknown key {where!r}; remove it or correct its spelling"
    if first["type"] == "missing":
        return f"{where}: is missing; add it"
    if first["type"] == "value_error":
        return f"{where}: {first['ctx']['error']}; correct it".removeprefix(": ")
    return f"{where}: {first['msg']} (given: {_BRIEF.repr(first['input'])}); correct the value"


def _with_absolute_folder(scenario: Scenario, folder: Path) -> Scenario:
    images = scenario.stimuli.images
    if not isinstance(images, FolderImages) or images.path.is_absolute():
        return scenario
    images = images.model_copy(update={"path": folder / images.path})
    return scenario.model_copy(update={"stimuli": scenario.stimuli.model_copy(update={"images": images})})

"""Arenas made elsewhere: any ViZDoom `.cfg` with its `.wad`, played unchanged.

What holds for such an arena: the engine's reward as the `.cfg` sets it, its buttons as action heads
(`foreign_heads`), its map, skill, start, time limit and drawing options; the observation and the frame skip are those
of the arenas built here, whatever the `.cfg` says, unless the agent has another view or other actions (`foreign_fit`).
Nothing is known of its stimuli: what they are is found in a trial
(`worlds/doom/trial.py`), and whether they do good is inferred from health (`worlds/doom/foreign.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pydantic
import yaml

from retinoscope.errors import NotMeasurable, UserError
from retinoscope.scenarios.foreign_heads import Presses, heads_of
from retinoscope.scenarios.specification import Observation, Scenario

BUNDLED = "vizdoom:"
"""What the names of the scenarios that come with vizdoom begin with: `vizdoom:basic`."""

_FIRST_KEY = "made_elsewhere"
_SIZE = r"^[1-9]\d{1,3}x[1-9]\d{1,3}$"


class ForeignScenario(pydantic.BaseModel):
    """What is known of an arena made elsewhere.

    It has the parts of `Scenario` that playing needs. Any other part, such as `stimuli`, raises
    `NotMeasurable`: an analysis that asks for it cannot be made in this arena.

    Attributes:
        made_elsewhere: the `.cfg`: an absolute path, or `vizdoom:NAME`.
        files_sha256: hash of the `.cfg` and of the archives it names: the identity of the arena.
        wad: its archive, relative to the folder of the `.cfg`.
        game_wad: the game it is played with, likewise; None for the one that the engine chooses.
        buttons: the engine's names, in the order of the `.cfg`.
        variables: the engine's names of the game variables that are noted.
        rewards: terms of the engine's reward, by their keys.
        rendering: what is drawn besides the scene, by the keys; what is not named is as the engine has it.
        server_settings: rules of the game, such as `+sv_noautoaim 1`.
        start_tics: tics of an episode that pass before the first observation.
        ignored: keys of the `.cfg` that have no effect here.
        cfg_screen: size of the screen that the `.cfg` asks for, WIDTHxHEIGHT.
        screen: size that is drawn and averaged to the observation; None for that of arenas built here.
        named: head -> output -> the buttons it presses, where these are an agent's own; None for those of the buttons.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    made_elsewhere: str
    files_sha256: str = pydantic.Field(pattern="^[0-9a-f]{64}$")
    name: str = pydantic.Field(pattern=r"^[a-z0-9][a-z0-9_]{0,63}$")
    title: str = ""
    wad: str
    game_wad: str | None = None
    map: str = pydantic.Field(pattern=r"^[A-Z0-9_]{1,8}$")
    skill: int = pydantic.Field(ge=1, le=5)
    buttons: tuple[str, ...] = pydantic.Field(min_length=1)
    variables: tuple[str, ...]
    rewards: dict[str, float]
    rendering: dict[str, bool]
    server_settings: tuple[str, ...] = ()
    start_tics: int
    episode_tics: int
    frame_skip: int = pydantic.Field(4, ge=1, le=100, description="tics per decision")
    observation: Observation = Observation()
    ignored: tuple[str, ...] = ()
    cfg_screen: str = pydantic.Field("320x240", pattern=_SIZE)
    screen: str | None = pydantic.Field(None, pattern=_SIZE)
    named: dict[str, dict[str, tuple[str, ...]]] | None = None

    @property
    def training(self) -> dict[str, Any]:
        """Parameters of training that the arena itself asks for: none."""
        return {}

    @property
    def class_names(self) -> tuple[str, ...]:
        """What pick-ups are inferred to be."""
        return ("healing", "harmful")

    @property
    def class_effects(self) -> tuple[int, ...]:
        """The sign of the change of health; its size is not known beforehand."""
        return (1, -1)

    @property
    def presses(self) -> dict[str, Presses]:
        """For each head and output the buttons pressed."""
        if self.named is None:
            return heads_of(self.buttons)
        return {
            head: {output: dict.fromkeys(buttons, 1.0) for output, buttons in outputs.items()}
            for head, outputs in self.named.items()
        }

    @property
    def screen_size(self) -> tuple[int, int]:
        """(width, height) of what the engine draws."""
        if self.screen is None:
            view = self.observation
            return view.width * view.supersampling, view.height * view.supersampling
        width, _, height = self.screen.partition("x")
        return int(width), int(height)

    @property
    def action_heads(self) -> dict[str, tuple[str, ...]]:
        """Heads of the action space and the names of their outputs, in order."""
        return {name: tuple(outputs) for name, outputs in self.presses.items()}

    def to_yaml(self) -> str:
        """Everything, defaults filled in, in a fixed order."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)

    def __getattr__(self, name: str) -> Any:
        if name in Scenario.model_fields:
            raise NotMeasurable(
                f"arena {self.name!r}: was made elsewhere, and its {name} is not known; choose an arena that "
                "`retinoscope scenario build` makes"
            )
        return super().__getattr__(name)  # type: ignore[misc]


def foreign_part(scenario: object) -> ForeignScenario | None:
    """The scenario if it was made elsewhere, else None."""
    return scenario if isinstance(scenario, ForeignScenario) else None


def is_foreign_name(name_or_path: str | Path) -> bool:
    """Whether this names an arena made elsewhere: a `.cfg` file, or `vizdoom:NAME`."""
    text = str(name_or_path)
    return text.startswith(BUNDLED) or text.lower().endswith(".cfg")


def foreign_from(content: object) -> Scenario | None:
    """A scenario made elsewhere from what `model_dump` or `to_yaml` wrote; None if that was of another kind.

    Raises:
        UserError: it is of this kind and damaged.
    """
    if not isinstance(content, dict) or _FIRST_KEY not in content:
        return None
    try:
        return cast(Scenario, ForeignScenario.model_validate(content))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(
            f"the description of an arena made elsewhere is damaged: {where}: {first['msg']}; name the arena's .cfg"
        ) from None


def foreign_from_file(path: Path) -> Scenario | None:
    """A scenario made elsewhere from the `scenario.yaml` of a run; None if the file is of another kind.

    Raises:
        UserError: it is of this kind and damaged.
    """
    try:
        content = path.read_text(encoding="utf-8")
        if not content.startswith(_FIRST_KEY):
            return None
        return foreign_from(yaml.safe_load(content))
    except (OSError, ValueError, yaml.YAMLError):
        return None  # the reader of YAML files says what is wrong

"""Reading ViZDoom's `.cfg` files: keys and values, each with the line it stands in.

The format: `key = value`, a list as `key = { A B }` over any number of lines, `key += value` to append, `#` for a
comment. Capitals and underscores in keys do not matter. Only keys of `HONOURED` have an effect here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from retinoscope.errors import UserError

REWARDS = (
    "living_reward", "death_reward", "death_penalty", "map_exit_reward", "kill_reward", "secret_reward", "item_reward",
    "frag_reward", "hit_reward", "hit_taken_reward", "hit_taken_penalty", "damage_made_reward", "damage_taken_reward",
    "damage_taken_penalty", "health_reward", "armor_reward",
)  # fmt: skip
"""Terms of the engine's own reward."""

RENDERING = (
    "render_hud", "render_minimal_hud", "render_weapon", "render_crosshair", "render_decals", "render_particles",
    "render_effects_sprites", "render_messages", "render_corpses", "render_screen_flashes",
)  # fmt: skip
"""What the engine draws besides the scene."""

HONOURED = (
    *REWARDS, *RENDERING, "doom_scenario_path", "doom_game_path", "doom_map", "doom_skill", "episode_timeout",
    "episode_start_time", "available_buttons", "available_game_variables", "game_args", "screen_resolution",
)  # fmt: skip
"""Keys that have an effect here; all others are passed over and listed in `ForeignScenario.ignored`."""

_DANGEROUS = ("vizdoom_path", "doom_config_path")
_LARGEST = 1 << 20  # bytes
_LINE = re.compile(r"^([A-Za-z_0-9]+)\s*(\+?=)\s*(.*)$", re.DOTALL)


@dataclass(frozen=True)
class Setting:
    """The value of a key as text, and the line in which it was set last."""

    text: str
    line: int


class Settings:
    """All settings of one file; the accessors raise `UserError` with file and line if a value is not what it must be.

    Attributes:
        path: of the file, for messages.
        ignored: keys that have no effect here, as they are written in the file.
    """

    def __init__(self, path: Path, found: dict[str, Setting], ignored: tuple[str, ...]) -> None:
        self.path, self.ignored, self._found = path, ignored, found

    def text(self, key: str, default: str | None = None) -> str | None:
        """The value as it is written."""
        return self._found[key].text if key in self._found else default

    def words(self, key: str) -> tuple[str, ...]:
        """The members of a list in capitals, braces and commas removed."""
        return tuple(re.sub(r"[{},]", " ", self.text(key) or "").upper().split())

    def whole(self, key: str, default: int, lowest: int, highest: int) -> int:
        """A whole number within limits."""
        text = self.text(key)
        if text is None:
            return default
        if not re.fullmatch(r"[+-]?\d{1,9}", text) or not lowest <= int(text) <= highest:
            raise self.wrong(key, f"must be a whole number from {lowest} to {highest}")
        return int(text)

    def number(self, key: str) -> float:
        """A finite number; the key must be there."""
        text = self.text(key) or ""
        if not re.fullmatch(r"[+-]?(\d{1,12}\.?\d{0,12}|\.\d{1,12})([eE][+-]?\d{1,2})?[fF]?", text):
            raise self.wrong(key, "must be a number")
        return float(text.rstrip("fF"))

    def switch(self, key: str) -> bool:
        """True or false; the key must be there."""
        text = (self.text(key) or "").lower()
        if text not in ("true", "false", "1", "0"):
            raise self.wrong(key, "must be true or false")
        return text in ("true", "1")

    def wrong(self, key: str, reason: str) -> UserError:
        """The error that says what is wrong with a key's value."""
        setting = self._found[key]
        shown = setting.text if len(setting.text) <= 60 else setting.text[:57] + "..."
        return UserError(f"{self.path}: line {setting.line}: {key} {reason} (given: {shown!r}); correct it")

    def __contains__(self, key: str) -> bool:
        return key in self._found


def read_cfg(path: Path) -> Settings:
    """Read a `.cfg` file.

    Raises:
        UserError: it cannot be read, is no such file, or sets what could start programs or write files.
    """
    honoured = {_plain(key): key for key in HONOURED}
    dangerous = {_plain(key): key for key in _DANGEROUS}
    found: dict[str, Setting] = {}
    ignored: list[str] = []
    for line, key, operator, value in _statements(path):
        if _plain(key) in dangerous:
            raise UserError(
                f"{path}: line {line}: {dangerous[_plain(key)]} could start a program or write files; remove the line"
            )
        name = honoured.get(_plain(key))
        if name is None:
            ignored.append(key.lower())
            continue
        before = found[name].text + " " if operator == "+=" and name in found else ""
        found[name] = Setting((before + value).strip(), line)
    return Settings(path, found, tuple(dict.fromkeys(ignored)))


def _plain(key: str) -> str:
    return key.lower().replace("_", "")


def _statements(path: Path) -> list[tuple[int, str, str, str]]:
    """(line, key, `=` or `+=`, value) of each statement; a list within braces is one value."""
    statements: list[tuple[int, str, str, str]] = []
    unfinished, began = "", 0
    for number, raw in enumerate(_lines(path), start=1):
        line = raw.partition("#")[0].strip()
        if not unfinished and not line:
            continue
        if not unfinished:
            began = number
        unfinished = f"{unfinished} {line}".strip()
        # A list may open in the line after its key.
        if unfinished.count("{") > unfinished.count("}") or unfinished.endswith("="):
            continue
        match = _LINE.match(unfinished)
        if match is None:
            shown = unfinished if len(unfinished) <= 60 else unfinished[:57] + "..."
            raise UserError(f"{path}: line {began}: {shown!r} is not `key = value`; is this a ViZDoom .cfg file?")
        statements.append((began, match[1], match[2], match[3]))
        unfinished = ""
    if unfinished:
        raise UserError(f"{path}: line {began}: the value does not end; close the brace or give a value")
    return statements


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path}: is too large for a .cfg file; give the .cfg, not the .wad")
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give the path of a ViZDoom .cfg file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not text; give the path of a ViZDoom .cfg file") from None
    if "\0" in content:
        raise UserError(f"{path}: is not text; give the path of a ViZDoom .cfg file")
    return content.splitlines()

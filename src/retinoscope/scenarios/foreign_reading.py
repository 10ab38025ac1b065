"""From a `.cfg` and its archive, or the name of a bundled scenario, to an arena made elsewhere."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from typing import cast

from retinoscope.errors import UserError
from retinoscope.scenarios.archive import ArenaArchive
from retinoscope.scenarios.foreign import BUNDLED, ForeignScenario, foreign_part
from retinoscope.scenarios.foreign_cfg import RENDERING, REWARDS, Settings, read_cfg
from retinoscope.scenarios.foreign_fit import identity_of
from retinoscope.scenarios.foreign_heads import BUTTONS
from retinoscope.scenarios.foreign_wad import require_map
from retinoscope.scenarios.specification import Scenario

_LONGEST_EPISODE = 1_000_000
_DEFAULT_EPISODE = 2100  # tics, where the `.cfg` sets no limit: as in the arenas built here
_SERVER_SETTINGS = re.compile(r"\+sv_[a-z]+ -?\d+(\.\d+)?")
_VARIABLE = re.compile(
    "(KILL|ITEM|SECRET|FRAG|DEATH|HIT|DAMAGE|PLAYER_)COUNT|(HITS|DAMAGE)_TAKEN|HEALTH|ARMOR|DEAD|ON_GROUND|"
    "(ALT)?ATTACK_READY|SELECTED_WEAPON(_AMMO)?|(AMMO|WEAPON)[0-9]|(POSITION|VELOCITY|CAMERA_POSITION)_[XYZ]|"
    "(CAMERA_)?(ANGLE|PITCH|ROLL)|CAMERA_FOV|VIEW_HEIGHT|PLAYER_NUMBER|PLAYER([1-9]|1[0-6])_FRAGCOUNT|"
    "USER([1-9]|[1-5][0-9]|60)"
)
"""The engine's game variables."""


def bundled_scenarios() -> tuple[str, ...]:
    """`vizdoom:NAME` of every scenario with an archive that comes with the installed vizdoom; found, not imported."""
    folder = _bundled_folder()
    if folder is None:
        return ()
    files = sorted(folder.glob("*.cfg"))
    return tuple(BUNDLED + file.stem for file in files if "doom_scenario_path" in file.read_text("utf-8", "replace"))


def read_foreign(name_or_path: str | Path) -> Scenario:
    """The scenario of a `.cfg` file or of `vizdoom:NAME`.

    Raises:
        UserError: the file or its archive is missing, damaged or outside, or says what is not understood.
    """
    text = str(name_or_path)
    cfg = _bundled_cfg(text) if text.startswith(BUNDLED) else Path(text)
    settings = read_cfg(cfg)
    wad, game_wad = _wad(settings), _game_wad(settings)
    folder = cfg.parent.resolve()
    map_name = (settings.text("doom_map") or "map01").upper()
    if not re.fullmatch(r"[A-Z0-9_]{1,8}", map_name):
        raise settings.wrong("doom_map", "must be the name of a map, such as map01")
    require_map(wad, map_name)
    screen = (settings.text("screen_resolution") or "RES_320X240").upper()
    if not re.fullmatch(r"RES_[1-9]\d{1,3}X[1-9]\d{1,3}", screen):
        raise settings.wrong("screen_resolution", "must be of the form RES_320X240")
    scenario = ForeignScenario(
        made_elsewhere=text if text.startswith(BUNDLED) else str(cfg.absolute()),
        files_sha256=_files_sha256(cfg, wad, game_wad),
        name=_scenario_name(cfg),
        wad=wad.relative_to(folder).as_posix(),
        game_wad=_relative(game_wad, folder) if game_wad else None,
        map=map_name,
        skill=settings.whole("doom_skill", 3, 1, 5),
        buttons=_buttons(settings),
        variables=_variables(settings),
        rewards={name: settings.number(name) for name in REWARDS if name in settings},
        rendering={name: settings.switch(name) for name in RENDERING if name in settings},
        server_settings=_server_settings(settings),
        start_tics=settings.whole("episode_start_time", 1, 0, _LONGEST_EPISODE) or 1,
        episode_tics=settings.whole("episode_timeout", 0, 0, _LONGEST_EPISODE) or _DEFAULT_EPISODE,
        ignored=settings.ignored,
        cfg_screen=screen.removeprefix("RES_").lower(),
    )
    # Every room is written for `Scenario`; this has the part of it that playing needs, and says so where it has not.
    return cast(Scenario, scenario)


def foreign_arena(scenario: ForeignScenario) -> ArenaArchive:
    """The arena on disk, if its files are still those that were read.

    Raises:
        UserError: they are gone or were changed.
    """
    try:
        found = foreign_part(read_foreign(scenario.made_elsewhere))
    except UserError as error:
        reason = str(error).partition(";")[0]
        raise UserError(
            f"arena {scenario.name!r}: is not where it was ({reason}); name it where it is now, with --arena"
        ) from None
    assert found is not None
    if found.files_sha256 != scenario.files_sha256:
        raise UserError(
            f"arena {scenario.name!r}: {scenario.made_elsewhere} or its .wad has been changed since; give the unchanged"
            " files, or name the arena with --arena to use it as it is now"
        )
    names = ("observation", "frame_skip", "screen", "named")
    kept = found.model_copy(update={name: getattr(scenario, name) for name in names})
    return ArenaArchive(_folder_of(found) / found.wad, cast(Scenario, kept), identity_of(kept), ())


def game_wad_of(scenario: ForeignScenario) -> Path | None:
    """The game the scenario asks for; None for the one that the engine chooses."""
    return _folder_of(scenario) / scenario.game_wad if scenario.game_wad else None


def _bundled_folder() -> Path | None:
    found = importlib.util.find_spec("vizdoom")
    places = found.submodule_search_locations if found else None
    return Path(next(iter(places))) / "scenarios" if places else None


def _folder_of(scenario: ForeignScenario) -> Path:
    if scenario.made_elsewhere.startswith(BUNDLED):
        return _bundled_cfg(scenario.made_elsewhere).parent.resolve()
    return Path(scenario.made_elsewhere).parent.resolve()


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _bundled_cfg(text: str) -> Path:
    folder = _bundled_folder()
    if folder is None:
        raise UserError(f"{text}: vizdoom is not installed; install it with: pip install 'retinoscope[doom]'")
    if text not in bundled_scenarios():
        known = ", ".join(bundled_scenarios())
        raise UserError(f"{text}: vizdoom has no such scenario; choose from {known}")
    return folder / f"{text.removeprefix(BUNDLED)}.cfg"


def _wad(settings: Settings) -> Path:
    text = settings.text("doom_scenario_path")
    if not text:
        raise UserError(f"{settings.path}: names no doom_scenario_path; add the name of its .wad")
    return _inside("doom_scenario_path", text, settings)


def _game_wad(settings: Settings) -> Path | None:
    """The game the scenario needs, beside the `.cfg` or with vizdoom; None for the one that comes with vizdoom."""
    text = settings.text("doom_game_path")
    if not text:
        return None
    folder = _bundled_folder()
    if folder is not None and re.fullmatch(r"freedoom[12]\.wad", text):
        return folder.parent / text
    return _inside("doom_game_path", text, settings)


def _inside(key: str, text: str, settings: Settings) -> Path:
    """The file of this name, which must lie in the folder of the `.cfg`."""
    folder = settings.path.parent.resolve()
    try:
        path = (folder / text.replace("\\", "/")).resolve()
        is_file = path.is_file()
    except (OSError, ValueError):
        raise settings.wrong(key, "is no path") from None
    if not path.is_relative_to(folder):
        raise settings.wrong(key, "lies outside the folder of the .cfg; put the file beside it and")
    if not is_file:
        raise settings.wrong(key, f"names a file that is not in {folder}; put it there or")
    return path


def _files_sha256(cfg: Path, *archives: Path | None) -> str:
    digests = []
    for path in (cfg, *filter(None, archives)):
        try:
            with path.open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); give a file that can") from None
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _scenario_name(cfg: Path) -> str:
    name = re.sub(r"[^a-z0-9_]+", "_", cfg.stem.lower()).strip("_")[:64]
    return name or "arena"


def _buttons(settings: Settings) -> tuple[str, ...]:
    buttons = tuple(dict.fromkeys(settings.words("available_buttons")))
    if not buttons:
        raise UserError(f"{settings.path}: has no available_buttons; an agent needs one at least")
    for button in buttons:
        if button not in BUTTONS:
            raise settings.wrong("available_buttons", f"holds {button[:40]!r}, which is no button of the engine")
    return buttons


def _variables(settings: Settings) -> tuple[str, ...]:
    """Those of the `.cfg`, then two counters of events that scenarios seldom ask for."""
    names = tuple(dict.fromkeys((*settings.words("available_game_variables"), "KILLCOUNT", "ITEMCOUNT")))
    for name in names:
        if not _VARIABLE.fullmatch(name):
            raise settings.wrong("available_game_variables", f"holds {name[:40]!r}, which is no game variable")
    return names


def _server_settings(settings: Settings) -> tuple[str, ...]:
    """`game_args` may hold `+sv_...` with numbers, the rules of the game; others could write files."""
    text = " ".join((settings.text("game_args") or "").split())
    found = tuple(match[0] for match in _SERVER_SETTINGS.finditer(text))
    if " ".join(found) != text:
        raise settings.wrong("game_args", "may only hold rules of the game, such as +sv_noautoaim 1")
    return found

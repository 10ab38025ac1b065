"""Arenas made elsewhere, for tests: copies of vizdoom's own, and one of ours behind a `.cfg`, whose truth is known."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from tests.arenas import build_arena

FIVE = ("health_gathering_supreme", "my_way_home", "defend_the_center", "deadly_corridor", "basic")


def vizdoom_folder() -> Path:
    """Where vizdoom keeps its scenarios."""
    found = importlib.util.find_spec("vizdoom")
    assert found is not None and found.origin is not None
    return Path(found.origin).parent / "scenarios"


def copy_of(name: str, folder: Path) -> Path:
    """The `.cfg` of one of vizdoom's scenarios, copied with its `.wad`."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in (".wad", ".cfg"):
        shutil.copyfile(vizdoom_folder() / f"{name}{suffix}", folder / f"{name}{suffix}")
    return folder / f"{name}.cfg"


COUNTED = """
# A comment, then keys in several ways of writing them.
doomScenarioPath = counted.pk3
DOOM_MAP = map01
available_buttons = { TURN_LEFT TURN_RIGHT
    MOVE_FORWARD
}
available_buttons += { MOVE_BACKWARD }
available_game_variables = { USER1 USER2 }  # the engine's own counts: the truth
render_hud = false
render_weapon = false
render_crosshair = false
render_decals = false
render_particles = false
render_messages = false
render_corpses = false
render_screen_flashes = false
episode_timeout = 700
episode_start_time = 1
living_reward = 0.5
mode = SPECTATOR
"""


def counted_arena(folder: Path, hunger: int = 5, hunger_tics: int = 20) -> tuple[Path, object]:
    """Apples built here, as a `.cfg` with its archive; and the same arena as it was built.

    Blue heals 20, red hurts 20 (the classes' order is that of the counters); nothing comes back soon.
    """
    built = build_arena(
        folder / "built",
        "apples",
        health__hunger=hunger,
        health__hunger_tics=hunger_tics,
        health__start=1000,
        health__maximum=10_000,
        stimuli__come_back={"mode": "replace", "tics": 1000},
        episode_tics=700,
    )
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(built.path, folder / "counted.pk3")
    cfg = folder / "counted.cfg"
    cfg.write_text(COUNTED, encoding="utf-8")
    return cfg, built

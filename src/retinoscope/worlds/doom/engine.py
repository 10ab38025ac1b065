"""Starting and stopping the game engine, for `environment`."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from retinoscope.errors import UserError
from retinoscope.scenarios import Scenario, foreign_part
from retinoscope.worlds.display import has_display

try:
    import vizdoom
except ImportError:
    raise UserError("vizdoom is not installed; install it with: pip install 'retinoscope[doom]'") from None

__all__ = [
    "has_display",
    "screen_resolution",
    "screen_size",
    "start_engine",
    "vizdoom",
]  # the one place that knows it may be missing

_ENGINE_START = threading.Lock()


def screen_resolution(scenario: Scenario) -> vizdoom.ScreenResolution:
    """What the engine draws of the scenario, before it is averaged.

    Raises:
        UserError: the engine has no such resolution.
    """
    width, height = screen_size(scenario)
    resolution = getattr(vizdoom.ScreenResolution, f"RES_{width}X{height}", None)
    if resolution is None:
        raise UserError(
            f"{scenario.name}: observation: the engine has no resolution {width}x{height}; choose width x height so"
            " that times supersampling they make, for example, 160x120, 320x240, 640x480 or 320x200"
        )
    return resolution


def screen_size(scenario: Scenario) -> tuple[int, int]:
    """(width, height) of what the engine draws."""
    foreign, view = foreign_part(scenario), scenario.observation
    if foreign is not None:
        return foreign.screen_size
    return view.width * view.supersampling, view.height * view.supersampling


def start_engine(game: vizdoom.DoomGame, owner: object) -> Callable[[], object]:
    """Start the configured engine in a folder of its own.

    Args:
        game: configured, not yet started.
        owner: when this is forgotten, or the program ends, the engine is ended too.

    Returns:
        What ends the engine and removes its folder.
    """
    folder = tempfile.mkdtemp(prefix="retinoscope-engine-")
    stop = weakref.finalize(owner, _stop_engine, game, folder)
    _tie_engine_to_this_process(game, Path(folder))
    with _working_folder(folder):
        game.init()
    return stop


def _tie_engine_to_this_process(game: vizdoom.DoomGame, folder: Path) -> None:
    """Have Linux end the engine when this process is killed; alone, it would wait for its next command for ever."""
    setpriv, launcher = shutil.which("setpriv"), folder / "engine"
    if not sys.platform.startswith("linux") or setpriv is None:
        return
    engine = shlex.quote(str(Path(vizdoom.__file__).with_name("vizdoom")))
    launcher.write_text(f'#!/bin/sh\nexec {shlex.quote(setpriv)} --pdeathsig KILL -- {engine} "$@"\n')
    launcher.chmod(0o700)
    if os.access(launcher, os.X_OK):  # no program may be started from some temporary folders
        game.set_vizdoom_path(str(launcher))


def _stop_engine(game: vizdoom.DoomGame, folder: str) -> None:
    """End the engine, then remove its folder; also done when an environment is forgotten or the program ends."""
    game.close()
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _working_folder(folder: str) -> Iterator[None]:
    """Be in `folder` meanwhile: the engine reads and writes its settings where it is started.

    In a folder of its own it leaves nothing in the user's, and no settings found there can change what is drawn.
    """
    with _ENGINE_START:
        before = os.getcwd()
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)

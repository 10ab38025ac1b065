"""The scenarios that are shipped, and finding one by name or path."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from retinoscope.errors import UserError
from retinoscope.scenarios.archive import ArenaArchive, build_archive
from retinoscope.scenarios.specification import FolderImages, Scenario, read_scenario

_LIBRARY = Path(__file__).parent / "library"


def shipped_scenarios() -> tuple[str, ...]:
    """Names of the scenarios that come with the package."""
    return tuple(sorted(file.stem for file in _LIBRARY.glob("*.yaml")))


def load_scenario(name_or_path: str | Path) -> Scenario:
    """A shipped scenario by name, or any scenario by the path of its YAML file.

    Raises:
        UserError: there is no such scenario, or its file is wrong.
    """
    text = str(name_or_path)
    if text in shipped_scenarios():
        return read_scenario(_LIBRARY / f"{text}.yaml")
    if text.endswith((".yaml", ".yml")) or os.sep in text:
        return read_scenario(Path(text))
    raise UserError(
        f"scenario {text!r}: unknown; choose from {', '.join(shipped_scenarios())} or give the path of a YAML file"
    )


def cache_folder() -> Path:
    """Where built arenas are kept: `$RETINOSCOPE_CACHE`, else `~/.cache/retinoscope`."""
    chosen = os.environ.get("RETINOSCOPE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "retinoscope"


def get_arena(scenario: Scenario | str | Path, folder: Path | None = None) -> ArenaArchive:
    """The built arena of a scenario, built into the cache (or `folder`) if it is not there yet.

    Raises:
        UserError: as `load_scenario` and `build_archive`.
    """
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario)
    folder = folder or cache_folder() / "arenas"
    if isinstance(scenario.stimuli.images, FolderImages):  # its files may have changed since
        return build_archive(scenario, folder)
    arena = _build_once(scenario.model_dump_json(), folder)
    return arena if arena.path.is_file() else build_archive(scenario, folder)


@functools.lru_cache(maxsize=32)
def _build_once(scenario_json: str, folder: Path) -> ArenaArchive:
    return build_archive(Scenario.model_validate_json(scenario_json), folder)

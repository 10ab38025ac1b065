"""The scenarios that are shipped, and finding one by name or path."""

from __future__ import annotations

import os
from pathlib import Path

from retinoscope.errors import UserError
from retinoscope.scenarios.archive import ArenaArchive
from retinoscope.scenarios.built_archives import build_if_changed
from retinoscope.scenarios.cache import cache_folder
from retinoscope.scenarios.foreign import foreign_from, foreign_from_file, foreign_part, is_foreign_name
from retinoscope.scenarios.foreign_reading import foreign_arena, read_foreign
from retinoscope.scenarios.image_choice import choose_images
from retinoscope.scenarios.image_sources import ImageSource
from retinoscope.scenarios.scenario_files import LIBRARY, read_scenario, shipped_scenarios
from retinoscope.scenarios.specification import Scenario


def load_scenario(name_or_path: str | Path) -> Scenario:
    """A shipped scenario by name, or any scenario by the path of its YAML file or of a ViZDoom `.cfg` file.

    Of a `.cfg`, or of `vizdoom:NAME` for one that comes with vizdoom, a `ForeignScenario` is returned.

    Raises:
        UserError: there is no such scenario, or its file is wrong.
    """
    text = str(name_or_path)
    if is_foreign_name(text):
        return read_foreign(text)
    if text in shipped_scenarios():
        return read_scenario(LIBRARY / f"{text}.yaml")
    if text.endswith((".yaml", ".yml")) or os.sep in text:
        return foreign_from_file(Path(text)) or read_scenario(Path(text))
    raise UserError(
        f"scenario {text!r}: unknown; choose from {', '.join(shipped_scenarios())} or give the path of a YAML or .cfg"
        " file"
    )


def scenario_from(content: object) -> Scenario:
    """A scenario from what its `model_dump` gave.

    Raises:
        UserError: it describes an arena made elsewhere and is damaged.
        pydantic.ValidationError: it is no scenario.
    """
    return foreign_from(content) or Scenario.model_validate(content)


def get_arena(
    scenario: Scenario | str | Path,
    folder: Path | None = None,
    images: str | Path | ImageSource | None = None,
    split: str | None = None,
) -> ArenaArchive:
    """The built arena of a scenario, built into the cache (or `folder`) if it is not there yet.

    Args:
        scenario: a specification, or what `load_scenario` takes.
        folder: where the archive is to be.
        images: other images than the scenario's, as `choose_images` takes them.
        split: `train` or `test`, one part of the images; `all`.

    Raises:
        UserError: as `load_scenario`, `choose_images` and `build_archive`.
    """
    foreign = foreign_part(scenario)
    if not isinstance(scenario, Scenario) and foreign is None:
        scenario = load_scenario(scenario)
        foreign = foreign_part(scenario)
    if foreign is not None:
        if images is not None or split is not None:
            raise UserError(f"{foreign.name}: was made elsewhere, with its own images; leave out images and split")
        return foreign_arena(foreign)
    assert isinstance(scenario, Scenario)
    scenario = choose_images(scenario, images, split)
    return build_if_changed(scenario, folder or cache_folder() / "arenas")

"""Scenario files: YAML, one file built upon another where it likes, read into a `Scenario`."""

from __future__ import annotations

import reprlib
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import pydantic
import yaml

from retinoscope.errors import UserError
from retinoscope.scenarios.image_sources import SOURCE_KINDS
from retinoscope.scenarios.specification import Scenario

LIBRARY = Path(__file__).parent / "library"
"""Where the shipped scenarios lie."""

_BRIEF = reprlib.Repr()  # for quoting a value in a message: YAML's aliases can make a small file's values endless
_BRIEF.maxlevel, _BRIEF.maxstring, _BRIEF.maxother = 1, 60, 60
_SUFFIXES = (".yaml", ".yml")


def shipped_scenarios() -> tuple[str, ...]:
    """Names of the scenarios that come with the package."""
    return tuple(sorted(file.stem for file in LIBRARY.glob("*.yaml")))


def read_scenario(path: Path) -> Scenario:
    """Read and validate a scenario file.

    A file with `extends: NAME`, where NAME is a shipped scenario or another file (relative to this one), says only what
    is different: its mappings are merged into those of the other, key by key; everything else, lists too, takes the
    place of what was there. `images` of another `source` are replaced as a whole. Relative paths of images are taken
    from the folder of the file that gives them.

    Raises:
        UserError: the file or one that it extends is missing, is not YAML, extends itself or does not fit the
            specification (names the first wrong key).
    """
    content = _composed(path, ())
    try:
        return Scenario.model_validate(content)
    except pydantic.ValidationError as error:
        raise UserError(f"{path}: {_first_complaint(error)}") from None


def with_changes(scenario: Scenario, changes: Mapping[str, Any]) -> Scenario:
    """A scenario with some of its values changed, by the rules of a file that extends it.

    Raises:
        UserError: the changes do not fit the specification (names the first wrong key).
    """
    try:
        return type(scenario).model_validate(_merged(scenario.model_dump(), changes))
    except pydantic.ValidationError as error:
        raise UserError(f"scenario.{_first_complaint(error)}") from None


def _composed(path: Path, descendants: tuple[Path, ...]) -> dict[str, Any]:
    """The content of the file on top of that of all files it extends."""
    content = _with_absolute_paths(_read_mapping(path), path.resolve().parent)
    if "extends" not in content:
        return content
    descendants = (*descendants, path.resolve())
    base = _base(content.pop("extends"), path)
    if base.resolve() in descendants:
        circle = " -> ".join(each.name for each in (*descendants, base))
        raise UserError(f"{path}: extends itself ({circle[:200]}); extend another scenario")
    return _merged(_composed(base, descendants), content)


def _base(extends: Any, path: Path) -> Path:
    """The file that `extends` means."""
    if isinstance(extends, str) and extends in shipped_scenarios():
        return LIBRARY / f"{extends}.yaml"
    if not isinstance(extends, str) or not extends.endswith(_SUFFIXES):
        known = ", ".join(shipped_scenarios())
        raise UserError(f"{path}: extends: {_BRIEF.repr(extends)} is no scenario; choose from {known} or a YAML file")
    base = path.resolve().parent / extends
    if not base.is_file():
        raise UserError(f"{path}: extends: there is no file {base}; correct the path")
    return base


def _merged(base: Any, changes: Any) -> Any:
    if not isinstance(base, Mapping) or not isinstance(changes, Mapping):
        return changes
    if "source" in changes and changes["source"] != base.get("source"):
        return changes  # another kind of images, to which the keys of the former mean nothing
    merged = {key: _merged(base[key], value) if key in base else value for key, value in changes.items()}
    return {**base, **merged}


def _with_absolute_paths(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The content with the paths of the images of the scenario and of its classes taken from `folder`."""
    stimuli = content.get("stimuli")
    if not isinstance(stimuli, Mapping):
        return content
    changed = dict(stimuli)
    if "images" in stimuli:
        changed["images"] = _absolute(stimuli["images"], folder)
    if isinstance(stimuli.get("classes"), list):
        changed["classes"] = [
            {**each, "images": _absolute(each["images"], folder)}
            if isinstance(each, Mapping) and "images" in each
            else each
            for each in stimuli["classes"]
        ]
    return {**content, "stimuli": changed}


def _absolute(images: Any, folder: Path) -> Any:
    if isinstance(images, Mapping) and isinstance(images.get("path"), str):
        return {**images, "path": str(folder / images["path"])}
    return images


class _UniqueKeysLoader(yaml.SafeLoader):
    """Safe YAML in which a repeated key is a fault: plain YAML would silently keep only the last of the two."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} is repeated", key.start_mark)
        return super().construct_mapping(node, deep)


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        content = _UniqueKeysLoader(path.read_text(encoding="utf-8")).get_single_data()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give the path of a scenario file") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: is not YAML ({reason}); correct the file") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no mapping of keys to values; see `retinoscope scenario list` for examples")
    return content


def _first_complaint(error: pydantic.ValidationError) -> str:
    # A misspelt key is at once unknown and missing; the first of these says more.
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    # pydantic puts the kind of image source into the place of the fault
    where = ".".join(str(part) for part in first["loc"] if part not in SOURCE_KINDS)
    if first["type"] == "extra_forbidden":
        return f"unknown key {where!r}; remove it or correct its spelling"
    if first["type"] == "missing":
        return f"{where}: is missing; add it"
    if first["type"] == "value_error":
        return f"{where}: {first['ctx']['error']}; correct it".removeprefix(": ")
    return f"{where}: {first['msg']} (given: {_BRIEF.repr(first['input'])}); correct the value"

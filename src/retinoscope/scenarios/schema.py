"""The JSON schema of scenario files, with which an editor completes keys and underlines faults while one types."""

from __future__ import annotations

import copy
import json
from typing import Any

from retinoscope.scenarios.scenario_files import LIBRARY, shipped_scenarios
from retinoscope.scenarios.specification import Scenario

SHIPPED_SCHEMA = LIBRARY / "scenario.schema.json"
"""The schema as a file, for editors."""
_WHOLE, _CHANGES = "Scenario", "ChangesToScenario"
_REPLACED_WHOLE = ("StimulusClass",)  # what stands in lists, which are not merged


def scenario_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a scenario file: a whole scenario, or changes to the one that it `extends`.

    What the specification demands of values together, such as that names are unique, no schema can say; reading the
    file checks it.
    """
    whole = Scenario.model_json_schema()
    definitions = whole.pop("$defs")
    changes = {name: _as_changes(definitions[name]) for name in _merged(definitions)}
    top = _as_changes(whole)
    extends = {
        "type": "string",
        "description": "shipped scenario, or YAML file relative to this one, that this one changes",
        "anyOf": [{"enum": list(shipped_scenarios())}, {"pattern": r"\.ya?ml$"}],
    }
    top["properties"] = {"extends": extends, **top["properties"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Retinoscope scenario",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {"$ref": f"#/$defs/{_CHANGES}"},
        "else": {"$ref": f"#/$defs/{_WHOLE}"},
        "$defs": {
            **definitions,
            **{f"ChangesTo{name}": each for name, each in changes.items()},
            _WHOLE: whole,
            _CHANGES: top,
        },
    }


def schema_text() -> str:
    """The schema as the text of a JSON file."""
    return json.dumps(scenario_schema(), indent=1) + "\n"


def _merged(definitions: dict[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in definitions if name not in _REPLACED_WHOLE)


def _as_changes(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition with nothing required, and so for the mappings inside it."""
    content = copy.deepcopy(definition)
    content.pop("required", None)
    content["properties"] = {key: _refer_to_changes(value) for key, value in content.get("properties", {}).items()}
    return content


def _refer_to_changes(value: Any) -> Any:
    if isinstance(value, list):
        return [_refer_to_changes(each) for each in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref", "").removeprefix("#/$defs/")
    if reference and reference not in _REPLACED_WHOLE:
        return {**value, "$ref": f"#/$defs/ChangesTo{reference}"}
    if "discriminator" in value:  # without its `source`, a change of images may belong to several kinds of them
        choices = [_refer_to_changes(each) for each in value["oneOf"]]
        return {**{key: each for key, each in value.items() if key not in ("oneOf", "discriminator")}, "anyOf": choices}
    return {key: _refer_to_changes(each) for key, each in value.items()}

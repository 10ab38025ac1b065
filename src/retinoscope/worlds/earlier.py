"""What version 0.1 wrote, in the words of today: the names in its Results, and where they came from."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, TypeVar

import xarray
import yaml

from retinoscope.worlds.declaration import Declaration, Variable
from retinoscope.worlds.earlier_results import completed

RENAMED: dict[str, dict[str, str]] = {
    "intervention": {
        "seconds": "duration",
        "health_gathered": "gathered",
        "pickups": "events",
        "class": "event",
        "effect": "event_valence",
    },
}
"""Analysis -> former name of a variable, coordinate or dimension of its Results -> its name today."""

RENAMED |= {"evaluation": {**RENAMED["intervention"], "effect": "valence"}}
_TRACKS = {"pickups": "events", "class": "event", "class_effect": "event_valence"}
RENAMED |= dict.fromkeys(("simulation", "raster", "principal_components"), _TRACKS)
RENAMED |= {"embedding": {"nearest_effect": "nearest_valence"}}

_PROGRESS = {
    f"{old}{end}": f"{new}{end}"
    for old, new in {"healing": "positive", "harmful": "negative", "deaths": "terminated"}.items()
    for end in ("", "_low", "_high")
}
RENAMED |= {"training_progress": _PROGRESS, "training_progress_checkpoint": _PROGRESS}

_WORDS = {"event_words": json.dumps(["healing", "harmful", "pick-up", "pick-ups"]), "survived": "survived"}
_GONE = ("scenario", "arena_sha256", "class_names", "class_effects", "frame_skip", "tics_per_second", "made_elsewhere")
_ROLES = {"fc": "encoder output", "rnn": "memory"}
_C = TypeVar("_C")


def recorded_columns(columns: Mapping[str, _C]) -> dict[str, _C]:
    """The columns of a recording of that version: today's names -> the columns, which know their own."""
    found = {"events" if name == "pickups" else name: column for name, column in columns.items()}
    if "pickups" in columns:
        found["events"] = dataclasses.replace(columns["pickups"], dimensions=("event",))  # type: ignore[type-var]
    return found


def recorded_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What is written about such a recording, in the words of today."""
    kept = {name: value for name, value in attributes.items() if name not in _GONE}
    world = arena_declared(yaml.safe_load(attributes["scenario"]), attributes["arena_sha256"])
    if names := kept.pop("variables", None):  # of an arena made elsewhere, side by side
        taken = tuple(each for each in world.variables if each.name in ("health", "position", "angle"))
        game = Variable("variables", long_name="game variables", labels=tuple(names), axis="variable")
        world = dataclasses.replace(world, variables=(*taken, game))
    layers = kept["layers"]
    return kept | {
        "world": world.to_json(),
        "world_sha256": attributes["arena_sha256"],
        "action_kinds": dict.fromkeys(kept["action_heads"], "choice"),
        "roles": {name: _ROLES.get(name, "other") for name in layers},
        "state_columns": {"rnn": [0, layers["rnn"]]} if "rnn" in layers else {},
    }


def renamed(analysis: str, data: xarray.Dataset) -> xarray.Dataset:
    """The data of a Result of that version, under the names of today."""
    there = {*data.variables, *data.dims}
    found = data.rename({old: new for old, new in RENAMED.get(analysis, {}).items() if old in there})
    return completed(analysis, found.assign_attrs(_WORDS | found.attrs))


def came_from(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Where such a Result came from, under the keys of today: then every world was an arena of the game engine."""
    found = dict(provenance)
    if "arena_sha256" in found:
        found["world_sha256"] = found.pop("arena_sha256")
    if "scenario" in found:
        source = found.pop("scenario")
        found |= {"world": _name_of(source), "world_source": source}
    return found


def arena_declared(scenario: Mapping[str, Any], sha256: str) -> Declaration:
    """What a world was, of which that version noted the scenario and the hash of its archive.

    Raises:
        UserError: the scenario is damaged.
    """
    # Here, because a Result is read without any of this.
    from retinoscope.scenarios import Scenario
    from retinoscope.scenarios.foreign import foreign_from
    from retinoscope.worlds.doom.world import declaration_of

    return declaration_of(foreign_from(scenario) or Scenario.model_validate(scenario), sha256)


def manifest_of_today(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of a run of `analyze`, as that version or today's wrote it, in the form of today.

    Raises:
        UserError: its scenario is damaged.
    """
    found = dict(manifest)
    if "arena" not in found:
        return found
    arena, agent, identity = found.pop("arena"), found["agent"], dict(found["identity"])
    declared = arena_declared(arena["scenario"], arena["sha256"])
    identity["world_sha256"] = identity.pop("arena_sha256")
    layers = [
        {**each, "receptive_field": each["receptive_field"] and {"note": "", **each["receptive_field"]}}
        for each in agent["layers"]
    ]
    return found | {
        "identity": identity,
        "agent": {"notes": [], "action_kinds": {}, **agent, "layers": layers},
        "world": {"name": declared.name, "sha256": declared.sha256, "declaration": declared.to_json()},
    }


def _name_of(source: str | None) -> str | None:
    """Of the scenario in this text; some analyses noted its name alone."""
    content = yaml.safe_load(source) if source else None
    return content.get("name") if isinstance(content, dict) else source

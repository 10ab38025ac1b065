"""Which world it is, and whether it repeats itself: some steps are played twice."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions, version
from typing import Any

import gymnasium
import numpy as np

from retinoscope.errors import UserError, said
from retinoscope.worlds.seeds import world_seed
from retinoscope.worlds.world import World

_STEPS = 32  # of each part
_PARTS = 2
_LONGEST = 64  # word or sequence that identifies


@dataclass(frozen=True)
class Trial:
    """What some steps have shown.

    Attributes:
        sha256: of the source and, where the world repeats itself, of what it showed.
        source: specification, wrappers, spaces and versions, JSON.
        repeats_itself: the same seed and actions showed the same again, in another environment.
        variables: the first value of each.
    """

    sha256: str
    source: str
    repeats_itself: bool
    variables: dict[str, np.ndarray]


def tried(world: World, kind: str) -> Trial:
    """Play the same steps in two environments, one of which has been played before.

    Raises:
        UserError: a step fails, or a variable or event cannot be read.
    """
    first, second = world.environment(), world.environment()
    try:
        source = json.dumps(_description(world, first, kind), sort_keys=True, default=str)
        shown = [_played(world, first, part) for part in range(_PARTS)]
        again = [_played(world, second, part) for part in reversed(range(_PARTS))][::-1]
    finally:
        first.close()
        second.close()
    repeats = [digest for digest, _ in shown] == [digest for digest, _ in again]
    content = source + ("".join(digest for digest, _ in shown) if repeats else "")
    return Trial(hashlib.sha256(content.encode()).hexdigest(), source, repeats, shown[0][1])


def _played(world: World, environment: gymnasium.Env[Any, Any], part: int) -> tuple[str, dict[str, np.ndarray]]:
    """A digest of what some steps showed, and the variables at their start."""
    digest = hashlib.sha256()
    chance = np.random.default_rng(part)
    try:
        number = 0
        observation, info = environment.reset(seed=world_seed(0, part, number))
        variables = {name: np.asarray(value) for name, value in world.variables(environment, info).items()}
        digest.update(observation.tobytes())
        for _ in range(_STEPS):
            action = world.action(_anything(world, chance))
            observation, reward, terminated, truncated, info = environment.step(action)
            counts = world.events(environment, info, float(reward))
            values = world.variables(environment, info)
            digest.update(observation.tobytes() + np.float64(reward).tobytes() + counts.tobytes())
            digest.update(b"".join(np.asarray(value).tobytes() for value in values.values()))
            digest.update(bytes([terminated, truncated]))
            if terminated or truncated:
                number += 1
                observation, _ = environment.reset(seed=world_seed(0, part, number))
                digest.update(observation.tobytes())
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"world {world.declaration.name!r}: its environment fails with {said(error)}") from error
    return digest.hexdigest(), variables


def _anything(world: World, chance: np.random.Generator) -> np.ndarray:
    """A random action, as it would be stored."""
    heads = world.declaration.actions
    if any(head.is_continuous for head in heads):
        bounds = np.array([each for head in heads for each in head.bounds])
        return np.clip(chance.normal(size=len(bounds)), bounds[:, 0], bounds[:, 1]).astype(np.float32)
    return np.array([chance.integers(len(head.outputs)) for head in heads], np.int8)


def _description(world: World, environment: gymnasium.Env[Any, Any], kind: str) -> dict[str, Any]:
    inner = environment.unwrapped
    spec = environment.spec
    # `numpy`'s and torch's versions do not belong to a world; those of its own package and of Gymnasium do.
    packages = {"gymnasium", type(inner).__module__.partition(".")[0]}
    return {
        "kind": kind,
        "environment": f"{type(inner).__module__}.{type(inner).__qualname__}",
        # What is registered says itself what it was made with.
        "spec": _arguments(inner)
        if spec is None
        else {"id": spec.id, "arguments": {k: str(v) for k, v in spec.kwargs.items()}},
        "wrappers": [[type(each).__qualname__, _arguments(each)] for each in _wrappers(environment)],
        "observations": str(environment.observation_space),
        "actions": str(environment.action_space),
        "variables": [each.name for each in world.declaration.variables],
        "events": [[each.name, each.valence] for each in world.declaration.events],
        "versions": dict(sorted(_versions(packages))),
    }


def _arguments(layer: Any) -> dict[str, Any]:
    """What an environment or wrapper was made with, as far as it keeps it under the names of its parameters.

    Only numbers, truth values, short words and sequences of these: whatever else there is may be another one in every
    process, as paths are on every machine.
    """
    names, kept = inspect.signature(type(layer).__init__).parameters, getattr(layer, "__dict__", {})
    held = {name: kept.get(name, kept.get(f"_{name}")) for name in names}
    return {name: value for name, value in held.items() if value is not None and _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return len(value) <= _LONGEST and all(map(_is_plain, value))
    if isinstance(value, str):
        return len(value) <= _LONGEST and not {"/", "\\"} & set(value)
    return isinstance(value, bool | int | float)


def _wrappers(environment: Any) -> Iterator[Any]:
    while isinstance(environment, gymnasium.Wrapper):
        yield environment
        environment = environment.env


def _versions(packages: set[str]) -> Iterator[tuple[str, str]]:
    for distribution in filter(None, map(distribution_of, packages)):
        yield distribution, version(distribution)


@functools.cache  # looked up on the disk
def distribution_of(package: str) -> str | None:
    """What has to be installed for a package to be there; None if that is not known.

    The first that `importlib.metadata.packages_distributions` names, which lists every file of all that is installed.
    """
    for each in distributions():
        declared = (each.read_text("top_level.txt") or "").split()
        if package in declared or (not declared and _lists(each, package)):
            return str(each.metadata["Name"])
    return None


def _lists(distribution: Distribution, package: str) -> bool:
    files = (line.partition(",")[0] for line in (distribution.read_text("RECORD") or "").splitlines())
    return any(each == f"{package}.py" or (each.startswith(f"{package}/") and each.endswith(".py")) for each in files)

"""The actors of an arena, written in the engine's DECORATE language: stimuli, their placing and the spawner."""

from __future__ import annotations

from retinoscope.scenarios.level import SPAWNER_THING_TYPE
from retinoscope.scenarios.obstacles import (
    OBSTACLE_ACTOR,
    OBSTACLE_IMAGES,
    OBSTACLE_PLACER,
    near_obstacle,
    obstacle_actors,
)
from retinoscope.scenarios.specification import Scenario
from retinoscope.scenarios.sprites import sprite_name

_SPAWN_FLAGS = "SXF_ABSOLUTEPOSITION | SXF_NOCHECKPOSITION"


def actor_name(scenario: Scenario, class_index: int) -> str:
    """Name of the class's actor in the engine, which the labels buffer reports."""
    safe = "".join(letter if letter.isalnum() else "_" for letter in scenario.class_names[class_index])
    return f"Stimulus{class_index:02d}_{safe}"


def decorate(scenario: Scenario, images_per_class: list[int], image_heights: list[int]) -> str:
    """The DECORATE lump.

    Args:
        scenario: the specification.
        images_per_class: how many images each class has; sprites are numbered through all classes in this order, and
            those of obstacles after them.
        image_heights: height in pixels of each class's images, all of a class being equally tall.
    """
    parts, first_sprite = [_player(scenario)], 0
    for index, (count, height) in enumerate(zip(images_per_class, image_heights, strict=True)):
        parts.append(_stimulus(scenario, index, first_sprite, count, scenario.stimuli.size / height))
        parts.append(_placing(scenario, index))
        first_sprite += count
    if scenario.obstacles is not None:
        parts.append(obstacle_actors(scenario, scenario.obstacles, _appearance(first_sprite, OBSTACLE_IMAGES)))
    parts.append(_spawner(scenario))
    return "\n".join(parts)


def _player(scenario: Scenario) -> str:
    return f"""actor Forager : DoomPlayer
{{
  Player.DisplayName "Forager"
  Player.StartItem "Fist"
  Player.MaxHealth {scenario.health.maximum}
  Health {scenario.health.start}
}}
"""


def _stimulus(scenario: Scenario, index: int, first_sprite: int, count: int, scale: float) -> str:
    effect = scenario.class_effects[index]
    consequence = ""
    if effect > 0:
        consequence = f"    TNT1 A 0 HealThing({effect}, {scenario.health.maximum})\n"
    elif effect < 0:
        consequence = f"    TNT1 A 0 DamageThing({-effect})\n"
    again = ""
    if scenario.stimuli.come_back.mode == "replace":
        again = f"    TNT1 A 0 {_spawn_somewhere(scenario, _placing_name(index) + 'Later')}\n"
    floating = "  +NOGRAVITY\n" if scenario.stimuli.vertical_offset else ""
    return f"""actor {actor_name(scenario, index)} : CustomInventory
{{
  var int user_image;
  Radius {scenario.stimuli.radius}
  Height {max(16, round(scenario.stimuli.size))}
  Scale {scale:.6f}
  Inventory.PickupMessage ""
  Inventory.PickupSound ""
  +INVENTORY.NOSCREENFLASH
{floating}  States
  {{
  Spawn:
{_appearance(first_sprite, count)}  Pickup:
    TNT1 A 0 ACS_ExecuteWithResult({index + 1})
{consequence}{again}    Stop
  }}
}}
"""


def _appearance(first_sprite: int, count: int) -> str:
    """States that show one of `count` images, each equally likely: a random number, then a binary search for it."""
    lines = [f'    TNT1 A 0 NoDelay A_SetUserVar("user_image", random(0, {count - 1}))\n    Goto Pick0_{count}\n']
    stack = [(0, count)]
    while stack:
        start, stop = stack.pop()
        if stop - start == 1:
            name, frame = sprite_name(first_sprite + start)
            lines.append(f'  Pick{start}_{stop}:\n    "{name}" {frame} -1 Bright\n    Stop\n')
            continue
        middle = (start + stop) // 2
        jump = f'A_JumpIf(user_image < {middle}, "Pick{start}_{middle}")'
        lines.append(f"  Pick{start}_{stop}:\n    TNT1 A 0 {jump}\n    Goto Pick{middle}_{stop}\n")
        stack += [(middle, stop), (start, middle)]
    return "".join(lines)


def _placing(scenario: Scenario, index: int) -> str:
    """An invisible actor that waits, then becomes a stimulus, or tries elsewhere if agent or obstacle is near."""
    height = f"{scenario.stimuli.vertical_offset:g}"
    free = ""
    if scenario.obstacles is not None:
        free = f'    TNT1 A 0 A_CheckProximity("Near", "{OBSTACLE_ACTOR}", {near_obstacle(scenario)})\n'
    wait = scenario.stimuli.come_back.tics if scenario.stimuli.come_back.mode == "replace" else 0
    return f"""actor {_placing_name(index)}
{{
  +NOINTERACTION
  States
  {{
  Spawn:
    TNT1 A 0 NoDelay A_CheckProximity("Near", "DoomPlayer", {scenario.stimuli.clearance}, 1, CPXF_ANCESTOR)
{free}    TNT1 A 0 A_SpawnItemEx("{actor_name(scenario, index)}", 0, 0, {height}, 0, 0, 0, 0, {_SPAWN_FLAGS})
    Stop
  Near:
    TNT1 A 0 {_spawn_somewhere(scenario, _placing_name(index))}
    Stop
  }}
}}
actor {_placing_name(index)}Later : {_placing_name(index)}
{{
  States
  {{
  Spawn:
    TNT1 A {wait}
    TNT1 A 0 A_Jump(256, "Now")
    Stop
  Now:
    TNT1 A 0 {_spawn_somewhere(scenario, _placing_name(index))}
    Stop
  }}
}}
"""


def _spawner(scenario: Scenario) -> str:
    """The actor at the centre of the map that fills the arena at the start and, in a stream, keeps adding."""
    stimuli = scenario.stimuli
    names = [_placing_name(index) for index in range(len(stimuli.classes))]
    one_of_each = [_spawn_somewhere(scenario, name) for name in names]
    counted = zip(one_of_each, scenario.class_counts, strict=True)
    start = "".join(f"    TNT1 A 0 {spawn}\n" * count for spawn, count in counted)
    first = "    TNT1 A 1\n"
    if scenario.obstacles is not None:
        # It acts before what is spawned after it, so that all obstacles stand when stimuli look for their places.
        first = f'    TNT1 A 0 NoDelay A_SpawnItemEx("{OBSTACLE_PLACER}", 0, 0, 0, 0, 0, 0, 0, SXF_NOCHECKPOSITION)\n'
    stream = "    TNT1 A -1\n    Stop\n"
    if stimuli.come_back.mode == "stream":
        stream = f"""  Stream:
    TNT1 A {stimuli.come_back.tics}
    TNT1 A 0 A_SetUserVar("user_image", random(0, {len(names) - 1}))
"""
        for index, spawn in enumerate(one_of_each):
            stream += f"    TNT1 A 0 A_JumpIf(user_image != {index}, 2)\n    TNT1 A 0 {spawn}\n    TNT1 A 0\n"
        stream += "    Loop\n"
    return f"""actor StimulusSpawner {SPAWNER_THING_TYPE}
{{
  var int user_image;
  +NOINTERACTION
  States
  {{
  Spawn:
{first}{start}{stream}  }}
}}
"""


def _spawn_somewhere(scenario: Scenario, name: str) -> str:
    """Spawn at a uniformly random place of the arena, whatever the place of the actor that calls."""
    reach = scenario.arena.spawn_half_width
    return (
        f'A_SpawnItemEx("{name}", random(-{reach}, {reach}) - x, random(-{reach}, {reach}) - y, 0, '
        f"0, 0, 0, 0, {_SPAWN_FLAGS})"
    )


def _placing_name(index: int) -> str:
    return f"Placing{index:02d}"

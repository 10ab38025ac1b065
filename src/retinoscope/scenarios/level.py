"""The map of an arena: a square room in UDMF text, the byte code of its counters, and the WAD that holds them."""

from __future__ import annotations

import struct

from retinoscope.scenarios.specification import Scenario

SPAWNER_THING_TYPE = 20_000
_INCREMENT_GLOBAL_VARIABLE = 188  # PCD_INCGLOBALVAR of the engine's script virtual machine
_TERMINATE = 1  # PCD_TERMINATE


def level_wad(scenario: Scenario) -> bytes:
    """A PWAD with the map MAP01; UDMF needs no node builder, the engine makes the nodes on loading."""
    lumps = [
        ("MAP01", b""),
        ("TEXTMAP", _textmap(scenario).encode("ascii")),
        ("BEHAVIOR", counter_scripts(len(scenario.stimuli.classes))),
        ("ENDMAP", b""),
    ]
    return _wad(lumps)


def counter_scripts(count: int) -> bytes:
    """Scripts 1 ... `count` in the original ACS format; script *n* increments global variable *n* and ends.

    The engine shows global variable *n* as the game variable USER*n*, so that pick-ups are counted exactly.
    """
    code = b"".join(struct.pack("<3I", _INCREMENT_GLOBAL_VARIABLE, n, _TERMINATE) for n in range(1, count + 1))
    directory_offset = 8 + len(code)
    entries = b"".join(struct.pack("<3I", n, 8 + 12 * (n - 1), 0) for n in range(1, count + 1))
    strings = struct.pack("<I", 0)
    return b"ACS\0" + struct.pack("<I", directory_offset) + code + struct.pack("<I", count) + entries + strings


def _textmap(scenario: Scenario) -> str:
    arena, health = scenario.arena, scenario.health
    edge = arena.half_width
    corners = [(-edge, -edge), (-edge, edge), (edge, edge), (edge, -edge)]
    blocks = ['namespace = "zdoom";']
    blocks += [_block("vertex", x=float(x), y=float(y)) for x, y in corners]
    blocks += [_block("linedef", v1=i, v2=(i + 1) % 4, sidefront=i, blocking=True) for i in range(4)]
    blocks += [_block("sidedef", sector=0, texturemiddle=arena.wall) for _ in range(4)]
    sector: dict[str, object] = {
        "heightfloor": 0,
        "heightceiling": arena.height,
        "texturefloor": arena.floor,
        "textureceiling": arena.ceiling,
        "lightlevel": arena.light,
    }
    if health.hunger:
        sector |= {"damageamount": health.hunger, "damageinterval": health.hunger_tics, "leakiness": 256}
    blocks.append(_block("sector", **sector))
    blocks += [_thing(1), _thing(SPAWNER_THING_TYPE)]
    return "\n".join(blocks) + "\n"


def _thing(kind: int) -> str:
    everywhere = {f"skill{level}": True for level in range(1, 6)} | {"single": True, "dm": True, "coop": True}
    return _block("thing", x=0.0, y=0.0, angle=0, type=kind, **everywhere)


def _block(kind: str, **fields: object) -> str:
    return f"{kind} {{ " + " ".join(f"{key} = {_literal(value)};" for key, value in fields.items()) + " }"


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _wad(lumps: list[tuple[str, bytes]]) -> bytes:
    content, directory = b"", b""
    for name, data in lumps:
        directory += struct.pack("<II8s", 12 + len(content), len(data), name.encode("ascii"))
        content += data
    return struct.pack("<4sII", b"PWAD", len(lumps), 12 + len(content)) + content + directory

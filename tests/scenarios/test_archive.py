"""The built arena, read back by other means than those that wrote it."""

from __future__ import annotations

import io
import os
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import retinoscope
from retinoscope.scenarios import build_archive, get_arena, load_scenario, shipped_scenarios
from retinoscope.scenarios.drawn_images import draw_apple
from tests.arenas import build_arena, image_folder_scenario

DIGITS_SHA256 = "885deec74967e84f80f45cdca2ec048c5512c3685698e67b890efa780331b670"


def entries(arena):
    with zipfile.ZipFile(arena.path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def sprites(arena):
    """The images in an archive, in the order of their names."""
    found = sorted((name, each) for name, each in entries(arena).items() if name.startswith("sprites"))
    return [np.asarray(Image.open(io.BytesIO(content))) for _, content in found]


def lumps(wad):
    """Names and contents of a WAD, as its format is described everywhere."""
    kind, count, directory = struct.unpack_from("<4sii", wad)
    assert kind == b"PWAD"
    found = []
    for index in range(count):
        start, size, name = struct.unpack_from("<ii8s", wad, directory + 16 * index)
        found.append((name.rstrip(b"\0").decode(), wad[start : start + size]))
    assert directory + 16 * count == len(wad)
    return found


def blocks(text):
    """UDMF: `kind { key = value; ... }`, as (kind, {key: value as text})."""
    return [
        (kind, dict(re.findall(r"(\w+) = ([^;]+);", body))) for kind, body in re.findall(r"(\w+) \{([^}]*)\}", text)
    ]


def png_chunks(content):
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    place, found = 8, {}
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        found[content[place + 4 : place + 8]] = content[place + 8 : place + 8 + length]
        place += 12 + length
    return found


def test_the_shipped_digits_arena_is_the_one_the_shipped_agent_was_trained_in(tmp_path):
    assert get_arena("digits", tmp_path).sha256 == DIGITS_SHA256


@pytest.mark.parametrize("scenario", ["digits", "apples"])
def test_the_same_scenario_gives_the_same_bytes_in_other_folders_and_processes(scenario, tmp_path):
    first, second = (get_arena(scenario, tmp_path / name) for name in ("first", "second"))
    program = (
        "import sys; from pathlib import Path; from retinoscope.scenarios import get_arena;"
        "arena = get_arena(sys.argv[1], Path(sys.argv[2])); print(arena.path)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, scenario, str(tmp_path / "third")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(retinoscope.__file__).parents[1]), "PYTHONHASHSEED": "12345"},
    )
    third = Path(done.stdout.strip())
    assert first.path.read_bytes() == second.path.read_bytes() == third.read_bytes()
    assert first.path.name == third.name


def test_a_folder_of_images_gives_the_same_bytes_wherever_it_lies(tmp_path):
    image = np.arange(75, dtype=np.uint8).reshape(5, 5, 3)
    arenas = [
        build_arena(tmp_path, image_folder_scenario(tmp_path / place / "pictures", {"thing": [image]}))
        for place in ("here", "there")
    ]
    assert arenas[0].sha256 == arenas[1].sha256
    assert str(tmp_path).encode() not in arenas[0].path.read_bytes()


def test_one_changed_pixel_is_another_arena_at_once(tmp_path):
    image = np.zeros((5, 5, 3), np.uint8)
    specification = image_folder_scenario(tmp_path / "pictures", {"thing": [image]})
    before = build_arena(tmp_path, specification)
    image[2, 2, 1] = 1
    Image.fromarray(image).save(tmp_path / "pictures" / "thing" / "000.png")
    after = build_arena(tmp_path, specification)
    assert before.sha256 != after.sha256
    assert before.path.is_file() and after.path.is_file()


def test_an_archive_that_was_cut_short_is_built_again(tmp_path):
    arena = get_arena("apples", tmp_path)
    whole = arena.path.read_bytes()
    arena.path.write_bytes(whole[:1000])
    assert build_archive(arena.scenario, tmp_path).path.read_bytes() == whole
    assert {each.suffix for each in tmp_path.iterdir()} == {".pk3", ".yaml"}


def test_an_archive_that_was_deleted_is_built_again_in_the_same_process(tmp_path):
    arena = get_arena("apples", tmp_path)
    arena.path.unlink()
    assert get_arena("apples", tmp_path).path.is_file()


def test_the_specification_beside_and_inside_the_archive_builds_it_again(tmp_path):
    arena = get_arena("apples", tmp_path / "one")
    assert load_scenario(arena.path.with_suffix(".yaml")) == arena.scenario
    copy = tmp_path / "copy.yaml"
    copy.write_bytes(entries(arena)["scenario.yaml"])
    assert get_arena(copy, tmp_path / "two").sha256 == arena.sha256


def test_sprites_are_the_digits_in_the_order_of_the_classes(tmp_path):
    sprites = {
        name: each for name, each in entries(get_arena("digits", tmp_path)).items() if name.startswith("sprites")
    }
    data = load_digits()
    order = np.argsort(data.target, kind="stable")
    assert len(sprites) == len(order) == 1797
    assert all(re.fullmatch(r"sprites/[QXYZ][0-9A-Z]{3}[A-Z]0\.png", name) for name in sprites)
    for (_, content), index in zip(sorted(sprites.items()), order, strict=True):
        with Image.open(io.BytesIO(content)) as image:
            grey = np.rint(data.images[index] * 255 / 16)
            np.testing.assert_array_equal(np.asarray(image), np.repeat(grey[..., None], 3, axis=-1))


def test_a_sprite_stands_on_the_middle_of_its_lower_edge(tmp_path):
    content = next(each for name, each in sorted(entries(get_arena("digits", tmp_path)).items()) if "sprites" in name)
    assert struct.unpack(">ii", png_chunks(content)[b"grAb"]) == (4, 8)


def test_apples_keep_their_transparent_ground(tmp_path):
    images = [
        np.asarray(Image.open(io.BytesIO(each)))
        for name, each in sorted(entries(get_arena("apples", tmp_path)).items())
        if name.startswith("sprites")
    ]
    assert len(images) == 48
    np.testing.assert_array_equal(images[0], draw_apple((40, 70, 215), 0, 32))
    assert {image[0, 0, 3] for image in images} == {0}
    blue, red = (
        np.mean([each[each[..., 3] > 0][:, [0, 2]].mean(0) for each in half], 0) for half in (images[:24], images[24:])
    )
    assert blue[1] > 2 * blue[0] and red[0] > 2 * red[1]


def test_images_of_unequal_height_are_brought_to_the_tallest(tmp_path):
    small, tall = np.full((8, 8), 90, np.uint8), np.full((24, 12), 200, np.uint8)
    small[0, 0] = 10
    arena = build_arena(tmp_path / "arena", image_folder_scenario(tmp_path / "pictures", {"thing": [small, tall]}))
    first, second = (Image.open(io.BytesIO(each)) for name, each in sorted(entries(arena).items()) if "sprites" in name)
    assert first.size == (24, 24) and second.size == (12, 24)
    np.testing.assert_array_equal(np.asarray(first)[::3, ::3, 0], small)
    np.testing.assert_array_equal(np.asarray(second)[..., 0], tall)


def test_the_map_is_a_square_room_with_the_agent_and_the_spawner_in_the_middle(tmp_path):
    arena = build_arena(tmp_path, "apples", arena__half_width=700, health__hunger=5, health__hunger_tics=20)
    content = lumps(entries(arena)["maps/MAP01.wad"])
    assert [name for name, _ in content] == ["MAP01", "TEXTMAP", "BEHAVIOR", "ENDMAP"]
    text = dict(content)["TEXTMAP"].decode()
    assert text.startswith('namespace = "zdoom";')
    parts = blocks(text)
    of_kind = {kind: [fields for each, fields in parts if each == kind] for kind in dict(parts)}
    corners = [(float(each["x"]), float(each["y"])) for each in of_kind["vertex"]]
    assert set(corners) == {(-700, -700), (-700, 700), (700, 700), (700, -700)}
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True)) / 2
    assert area == -(1400**2)  # clockwise: the front of every wall faces the room
    assert [(int(each["v1"]), int(each["v2"])) for each in of_kind["linedef"]] == [(0, 1), (1, 2), (2, 3), (3, 0)]
    assert [int(each["sidefront"]) for each in of_kind["linedef"]] == [0, 1, 2, 3]
    assert {each["texturemiddle"] for each in of_kind["sidedef"]} == {'"BROWN1"'}
    (sector,) = of_kind["sector"]
    assert (sector["damageamount"], sector["damageinterval"]) == ("5", "20")
    assert [(each["type"], float(each["x"]), float(each["y"])) for each in of_kind["thing"]] == [
        ("1", 0, 0),
        ("20000", 0, 0),
    ]


def test_without_hunger_the_floor_does_no_harm(tmp_path):
    arena = build_arena(tmp_path, "apples", health__hunger=0)
    assert b"damage" not in dict(lumps(entries(arena)["maps/MAP01.wad"]))["TEXTMAP"]


def test_each_class_has_a_script_that_increments_its_own_counter(tmp_path):
    behavior = dict(lumps(entries(get_arena("digits", tmp_path))["maps/MAP01.wad"]))["BEHAVIOR"]
    magic, directory = struct.unpack_from("<4sI", behavior)
    assert magic == b"ACS\0"
    (count,) = struct.unpack_from("<I", behavior, directory)
    scripts = [struct.unpack_from("<3I", behavior, directory + 4 + 12 * index) for index in range(count)]
    assert [number for number, _, _ in scripts] == list(range(1, 11))
    for number, start, arguments in scripts:
        increment_global, terminate = 188, 1
        assert arguments == 0
        assert struct.unpack_from("<3I", behavior, start) == (increment_global, number, terminate)
    assert struct.unpack_from("<I", behavior, directory + 4 + 12 * count) == (0,)
    assert len(behavior) == directory + 8 + 12 * count


def test_every_shipped_scenario_loads_under_its_own_name():
    assert set(shipped_scenarios()) >= {"digits", "apples"}
    for name in shipped_scenarios():
        assert load_scenario(name).name == name

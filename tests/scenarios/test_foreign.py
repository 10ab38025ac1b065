"""Arenas made elsewhere, as they are read: keys, buttons, identity, and input that is wrong."""

from __future__ import annotations

import re
import struct
import zipfile
from pathlib import Path

import pytest
import vizdoom

from retinoscope.errors import NotMeasurable, UserError
from retinoscope.scenarios import bundled_scenarios, foreign_part, get_arena, load_scenario
from retinoscope.scenarios.foreign import ForeignScenario
from retinoscope.scenarios.foreign_cfg import HONOURED
from retinoscope.scenarios.foreign_heads import BUTTONS, heads_of
from tests.foreign import FIVE, copy_of, counted_arena, vizdoom_folder

GOOD = "doom_scenario_path = basic.wad\navailable_buttons = { ATTACK }\n"


def read(path: Path | str) -> ForeignScenario:
    foreign = foreign_part(load_scenario(path))
    assert foreign is not None
    return foreign


def written(folder: Path, text: str) -> Path:
    """A `.cfg` with this text beside the archive of `basic`."""
    path = copy_of("basic", folder).with_name("my.cfg")
    path.write_text(text, encoding="utf-8")
    return path


def test_what_a_cfg_says_is_read_in_every_way_of_writing_it(tmp_path: Path) -> None:
    cfg, _ = counted_arena(tmp_path)
    scenario = read(cfg)
    assert scenario.buttons == ("TURN_LEFT", "TURN_RIGHT", "MOVE_FORWARD", "MOVE_BACKWARD")
    assert scenario.variables == ("USER1", "USER2", "KILLCOUNT", "ITEMCOUNT")
    assert (scenario.name, scenario.map, scenario.skill, scenario.start_tics) == ("counted", "MAP01", 3, 1)
    assert scenario.episode_tics == 700
    assert scenario.rewards == {"living_reward": 0.5}
    assert set(scenario.rendering.values()) == {False} and len(scenario.rendering) == 8
    assert scenario.ignored == ("mode",)
    assert scenario.made_elsewhere == str(cfg)


def test_every_bundled_scenario_is_read_as_vizdoom_reads_it() -> None:
    """But for the order of what vizdoom keeps in the same order."""
    assert {f"vizdoom:{name}" for name in FIVE} <= set(bundled_scenarios())
    for name in bundled_scenarios():
        scenario, game = read(name), vizdoom.DoomGame()
        game.load_config(str(vizdoom_folder() / f"{name.partition(':')[2]}.cfg"))
        assert list(scenario.buttons) == [each.name for each in game.get_available_buttons()], name
        theirs = [each.name for each in game.get_available_game_variables()]
        assert list(scenario.variables)[: len(theirs)] == theirs
        assert scenario.episode_tics == (game.get_episode_timeout() or 2100)
        assert scenario.start_tics == max(game.get_episode_start_time(), 1)
        for term in ("living_reward", "map_exit_reward", "kill_reward"):
            assert scenario.rewards.get(term, 0) == getattr(game, f"get_{term}")(), name
        penalty = scenario.rewards.get("death_penalty", 0)
        assert penalty == game.get_death_penalty(), name


def test_every_button_and_setting_is_one_of_the_engine() -> None:
    assert set(vizdoom.Button.__members__) == BUTTONS
    for key in HONOURED:
        assert hasattr(vizdoom.DoomGame, f"set_{key}") or key == "game_args", key


def test_all_game_variables_of_the_engine_are_known(tmp_path: Path) -> None:
    names = list(vizdoom.GameVariable.__members__)
    known, unknown = [], []
    for name in names:
        path = written(tmp_path, GOOD + f"available_game_variables = {{ {name} }}")
        try:
            read(path)
            known.append(name)
        except UserError:
            unknown.append(name)
    # Positions of the other players of a game with several.
    assert all(re.match(r"PLAYER\d+_", name) for name in unknown), unknown
    assert len(known) > 100


def test_opposite_buttons_share_a_head_and_only_existing_ones_are_outputs() -> None:
    assert read("vizdoom:basic").action_heads == {"strafe": ("none", "left", "right"), "attack": ("none", "attack")}
    assert read("vizdoom:health_gathering_supreme").action_heads == {
        "turn": ("none", "left", "right"),
        "move": ("none", "forward"),
    }
    assert list(read("vizdoom:deadly_corridor").action_heads) == ["turn", "move", "strafe", "attack"]


def test_every_button_is_pressed_by_one_output() -> None:
    heads = heads_of(tuple(sorted(BUTTONS)))
    pressed = [button for outputs in heads.values() for output in outputs.values() for button in output]
    assert set(pressed) == BUTTONS
    assert all(next(iter(outputs)) == "none" and outputs["none"] == {} for outputs in heads.values())
    deltas = [button for button in pressed if button.endswith("_DELTA")]
    assert len(deltas) == 2 * 5 and len(pressed) == len(BUTTONS) + 5
    assert heads["turn_delta"] == {
        "none": {},
        "left": {"TURN_LEFT_RIGHT_DELTA": -3.5},
        "right": {"TURN_LEFT_RIGHT_DELTA": 3.5},
    }


def test_identity_is_that_of_cfg_and_archive(tmp_path: Path) -> None:
    first, second = copy_of("basic", tmp_path / "a"), copy_of("basic", tmp_path / "b")
    assert get_arena(first).sha256 == get_arena(second).sha256 == get_arena("vizdoom:basic").sha256
    second.write_text(second.read_text() + "# a comment\n")
    assert get_arena(second).sha256 != get_arena(first).sha256
    content = bytearray(first.with_suffix(".wad").read_bytes())
    content[-1] ^= 1
    before = get_arena(first).sha256
    first.with_suffix(".wad").write_bytes(content)
    assert get_arena(first).sha256 != before


def test_a_scenario_survives_being_written_and_finds_its_files_again(tmp_path: Path) -> None:
    scenario = load_scenario(copy_of("basic", tmp_path / "a"))
    kept = tmp_path / "scenario.yaml"
    kept.write_text(scenario.to_yaml())
    assert load_scenario(kept) == scenario
    assert get_arena(kept).sha256 == read(kept).files_sha256
    (tmp_path / "a").rename(tmp_path / "moved")
    with pytest.raises(UserError, match="basic.*is not where it was.*--arena"):
        get_arena(load_scenario(kept))
    (tmp_path / "moved").rename(tmp_path / "a")
    (tmp_path / "a" / "basic.cfg").write_text(GOOD)
    with pytest.raises(UserError, match="changed since.*--arena"):
        get_arena(load_scenario(kept))


def test_what_is_not_known_of_it_is_said() -> None:
    scenario = load_scenario("vizdoom:basic")
    for name in ("stimuli", "health", "reward", "arena"):
        with pytest.raises(NotMeasurable, match=f"'basic': was made elsewhere, and its {name} is not known"):
            getattr(scenario, name)
    with pytest.raises(AttributeError):
        _ = scenario.nonsense  # type: ignore[attr-defined]


BAD_CFG = {
    "missing wad": ("doom_scenario_path = nowhere.wad\navailable_buttons = { ATTACK }", "line 1.*not in"),
    "no wad": ("available_buttons = { ATTACK }", "names no doom_scenario_path"),
    "wad outside": ("doom_scenario_path = ../outside.wad\navailable_buttons = { ATTACK }", "outside the folder"),
    "absolute wad": ("doom_scenario_path = /etc/passwd\navailable_buttons = { ATTACK }", "outside the folder"),
    "wad with backslashes": ("doom_scenario_path = ..\\outside.wad\navailable_buttons={USE}", "outside the folder"),
    "wad is a folder": ("doom_scenario_path = .\navailable_buttons = { ATTACK }", "not in"),
    "wad with a null": ("doom_scenario_path = a\0b.wad\navailable_buttons = { ATTACK }", "is not text"),
    "unknown button": ("doom_scenario_path = basic.wad\navailable_buttons = { DANCE }", "'DANCE'.*no button"),
    "no buttons": ("doom_scenario_path = basic.wad", "no available_buttons"),
    "empty buttons": ("doom_scenario_path = basic.wad\navailable_buttons = { }", "no available_buttons"),
    "unknown variable": (GOOD + "available_game_variables = { LUCK }", "line 3.*'LUCK'.*no game variable"),
    "garbage": ("what is this?", "line 1.*key = value"),
    "open brace": (GOOD + "available_game_variables = {\nHEALTH\n", "line 3.*does not end"),
    "odd resolution": (GOOD + "screen_resolution = HUGE", "line 3.*RES_320X240"),
    "skill": (GOOD + "doom_skill = 11", "from 1 to 5"),
    "timeout": (GOOD + "episode_timeout = soon", "whole number"),
    "negative timeout": (GOOD + "episode_timeout = -5", "whole number"),
    "reward": (GOOD + "living_reward = lots", "must be a number"),
    "infinite reward": (GOOD + "living_reward = inf", "must be a number"),
    "switch": (GOOD + "render_hud = perhaps", "true or false"),
    "map": (GOOD + "doom_map = map01 +quit", "name of a map"),
    "other map": (GOOD + "doom_map = map07", "no map MAP07.*MAP01"),
    "program": (GOOD + "vizdoom_path = /bin/sh", "could start a program"),
    "program, camel": (GOOD + "VizdoomPath = /bin/sh", "could start a program"),
    "writes": (GOOD + "doom_config_path = /home/me/.profile", "write files"),
    "arguments": (GOOD + "game_args = +logfile /tmp/x", "rules of the game"),
    "arguments behind rules": (GOOD + "game_args = +sv_noautoaim 1 +logfile x", "rules of the game"),
    "game outside": (GOOD + "doom_game_path = ../../doom2.wad", "outside the folder"),
}


@pytest.mark.parametrize("name", BAD_CFG)
def test_a_wrong_cfg_gets_one_clear_line(name: str, tmp_path: Path) -> None:
    text, message = BAD_CFG[name]
    (tmp_path / "outside.wad").write_bytes(b"PWAD")
    path = written(tmp_path / "folder", text)
    with pytest.raises(UserError, match=message) as raised:
        get_arena(path)
    assert "\n" not in str(raised.value) and str(path.parent) in str(raised.value)


def damaged_wad(content: bytes, how: str) -> bytes:
    lumps, directory = struct.unpack("<ii", content[4:12])
    return {
        "empty": b"",
        "text": b"this is no wad at all",
        "cut": content[: len(content) // 2],
        "no lumps": content[:4] + struct.pack("<ii", 0, directory) + content[12:],
        "negative": content[:4] + struct.pack("<ii", -lumps, directory) + content[12:],
        "far": content[:4] + struct.pack("<ii", lumps, 1 << 30) + content[12:],
        "lump outside": content[:directory] + struct.pack("<ii", 12, 1 << 30) + content[directory + 8 :],
    }[how]


@pytest.mark.parametrize("how", ["empty", "text", "cut", "no lumps", "negative", "far", "lump outside"])
def test_a_damaged_wad_gets_one_clear_line(how: str, tmp_path: Path) -> None:
    cfg = copy_of("basic", tmp_path)
    wad = cfg.with_suffix(".wad")
    wad.write_bytes(damaged_wad(wad.read_bytes(), how))
    with pytest.raises(UserError, match=r"basic\.wad: is not a WAD file, or is cut short; "):
        get_arena(cfg)


def test_other_wrong_names_and_files_get_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"vizdoom:nothing: vizdoom has no such scenario; choose from .*vizdoom:basic"):
        get_arena("vizdoom:nothing")
    with pytest.raises(UserError, match="cannot be read"):
        get_arena(tmp_path / "nowhere.cfg")
    binary = tmp_path / "binary.cfg"
    binary.write_bytes(bytes(range(256)))
    with pytest.raises(UserError, match="is not text"):
        get_arena(binary)
    binary.write_bytes(b"#" * (2 << 20))
    with pytest.raises(UserError, match="too large"):
        get_arena(binary)
    empty = written(tmp_path, GOOD.replace("basic.wad", "empty.pk3"))
    with zipfile.ZipFile(tmp_path / "empty.pk3", "w"):
        pass
    with pytest.raises(UserError, match=r"empty\.pk3: has no map MAP01.*none at all"):
        get_arena(empty)
    with pytest.raises(UserError, match="made elsewhere.*leave out images"):
        get_arena("vizdoom:basic", images="digits")
    (tmp_path / "scenario.yaml").write_text("made_elsewhere: vizdoom:basic\nname: 5\n")
    with pytest.raises(UserError, match="damaged"):
        load_scenario(tmp_path / "scenario.yaml")


def test_rules_of_the_game_are_kept(tmp_path: Path) -> None:
    assert read("vizdoom:predict_position").server_settings == ("+sv_noautoaim 1",)
    settings = "game_args = +sv_gravity 100\ngame_args += +sv_noautoaim 1\n"
    assert read(written(tmp_path, GOOD + settings)).server_settings == ("+sv_gravity 100", "+sv_noautoaim 1")

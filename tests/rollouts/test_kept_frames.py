"""Recordings that keep every n-th frame, or none: all else is as ever, and the frames are rendered again."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray

import retinoscope
from retinoscope.cli import main
from retinoscope.errors import UserError
from retinoscope.rollouts import join, open_recording, record, replay_error, with_frames
from retinoscope.rollouts.kept_frames import KeptFrames
from tests.rollouts.recordings import assert_same_content, small_agent, small_arena
from tests.worlds.grid_agents import agent_in, grid_world

SETTINGS = {"frames": 203, "seed": 3, "environments": 3, "batch": 1, "workers": 1}


@pytest.fixture(scope="module")
def world():
    return grid_world()


@pytest.fixture(scope="module")
def agent(world):
    return agent_in(world)


@pytest.fixture(scope="module")
def whole(agent, tmp_path_factory):
    return record(agent, out=tmp_path_factory.mktemp("whole") / "whole.zarr", **SETTINGS)


@pytest.fixture(scope="module", params=[0, 7])
def kept(request, agent, tmp_path_factory):
    out = tmp_path_factory.mktemp("kept") / "kept.zarr"
    return record(agent, out=out, keep_frames=request.param, block_frames=60, **SETTINGS)


def test_all_but_the_frames_is_there_and_these_are_rendered_again(kept, whole, world):
    assert kept.columns == tuple(name for name in whole.columns if name != "observation")
    xarray.testing.assert_identical(kept.rows(), whole.rows(names=kept.columns))
    assert_same_content(with_frames(kept, world), whole)
    assert with_frames(whole, world) is whole


def test_rendered_rows_are_the_same_in_any_order(kept, whole, world):
    rendered = with_frames(str(kept.path), world)
    for start, stop in ((100, 110), (105, 106), (0, 3), (3, 70), (66, 140), (203, 203)):
        xarray.testing.assert_identical(rendered.rows(start, stop), whole.rows(start, stop))


def test_kept_frames_can_be_read_and_others_are_refused_in_one_line(agent, whole, tmp_path):
    found = record(agent, out=tmp_path / "kept.zarr", keep_frames=7, block_frames=60, **SETTINGS)
    rows = found.rows_with_frames
    assert rows.tolist() == [68 * environment + step for environment in range(3) for step in range(0, 68, 7)]
    for row in rows:
        read = found.rows(row, row + 1, ("observation",))
        xarray.testing.assert_identical(read, whole.rows(row, row + 1, ("observation",)))
    with pytest.raises(UserError, match=r"holds one frame in 7, and not that of decision 1 .*with_frames"):
        found.rows(0, 3, ("observation",))
    assert replay_error(found, agent, rows.tolist()).holds
    with pytest.raises(UserError, match=r"the recording holds one frame in 7; `retinoscope.with_frames"):
        retinoscope.analyses.simulation(found)


def test_an_analysis_of_rendered_frames_is_that_of_kept_ones(kept, whole, world, agent):
    rendered = with_frames(kept, world)
    pixels = retinoscope.analyses.principal_components
    assert pixels(rendered, agent=agent).data.identical(pixels(whole, agent=agent).data)
    seen = retinoscope.analyses.simulation
    assert seen(rendered).data.identical(seen(whole).data)


@pytest.mark.parametrize("every", [0, 7])
def test_it_goes_on_where_it_was_interrupted_and_in_parts(agent, world, whole, tmp_path, every):
    for frames in (70, SETTINGS["frames"]):
        settings = SETTINGS | {"frames": frames, "keep_frames": every, "block_frames": 20}
        record(agent, out=tmp_path / "kept.zarr", **settings)
        for number in (1, 2):
            record(agent, out=tmp_path / "parts", part=f"{number}/2", **settings)
    joined = join(tmp_path / "parts")
    assert_same_content(joined, open_recording(tmp_path / "kept.zarr"))
    assert joined.rows_with_frames.tolist() == open_recording(tmp_path / "kept.zarr").rows_with_frames.tolist()
    assert_same_content(with_frames(joined, world), whole)


def test_what_cannot_be_is_refused_in_one_line(agent, kept, world, tmp_path):
    with pytest.raises(UserError, match="keep_frames: -1 is negative"):
        record(agent, out=tmp_path / "x", keep_frames=-1, **SETTINGS)
    with pytest.raises(UserError, match="holds a recording with keep_frames [07], not 1; choose another path"):
        record(agent, out=kept.path, **SETTINGS)
    restless = grid_world(repeats=False)
    with pytest.raises(UserError, match="does not repeat itself, so that frames that are not kept are lost"):
        record(agent, restless, out=tmp_path / "x", keep_frames=0, **SETTINGS)
    with pytest.raises(UserError, match="was made in another world than 'grid'"):
        with_frames(kept, grid_world(limit=9))
    assert not (tmp_path / "x").exists()


def test_the_place_of_every_kept_frame_is_its_own():
    for every in (0, 1, 2, 3, 7, 64, 100):
        for block_steps in (1, 4, 64, 65):
            kept, steps = KeptFrames(every, block_steps), 3 * block_steps - block_steps // 2
            slots = {}
            frames = np.arange(1, 3 * block_steps + 1).reshape(3, 1, block_steps)
            stored = np.concatenate([kept.packed(frames[number], number, steps) for number in range(3)], axis=1)
            for step in range(steps):
                slot = kept.slot(step, steps)
                if every and step % every == 0:
                    assert slot is not None
                if slot is not None:
                    slots[step] = slot
                    assert stored[0, slot] == step + 1
            assert len(set(slots.values())) == len(slots) and steps - 1 in slots


def test_the_command_keeps_what_it_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "from tests.worlds.grid_agents import agent_in, grid_world\nagent = agent_in(grid_world())\n"
    (tmp_path / "mine.py").write_text(code)
    asked = ["record", "mine.py:agent", "--frames", "40", "--keep-frames", "8", "--json"]
    assert main(asked) == 0
    assert open_recording(json.loads(capsys.readouterr().out)["path"]).attributes["keep_frames"] == 8


@pytest.mark.engine
def test_an_arena_is_rendered_again_to_the_last_bit(tmp_path):
    arena, agent = small_arena(tmp_path), small_agent()
    settings = {"frames": 150, "environments": 2, "workers": 1}
    whole = record(agent, arena, out=tmp_path / "whole.zarr", **settings)
    found = record(agent, arena, out=tmp_path / "kept.zarr", keep_frames=0, **settings)
    assert_same_content(with_frames(found, arena), whole)
    weights = [sum(each.stat().st_size for each in one.path.glob("observation/**/*")) for one in (found, whole)]
    assert weights[0] < weights[1] / 20

"""Parts of a recording, joined: the recording that one machine makes, and refusals that lose nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

import retinoscope
from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.registry import select_analyses
from retinoscope.cli import main
from retinoscope.errors import UserError
from retinoscope.page.products import OMITTED
from retinoscope.result import Result
from retinoscope.rollouts import is_recording, join, open_recording, record
from retinoscope.rollouts.joined_recording import INDEX
from retinoscope.rollouts.parts import default_batch, part_numbers, share
from retinoscope.settings import with_settings
from retinoscope.workflows import check
from retinoscope.workflows.running import computed
from tests.analyses.test_every_analysis import QUICK
from tests.rollouts.recordings import SEED, assert_same_content, small_agent
from tests.worlds.grid_agents import agent_in, grid_world

SETTINGS = {"frames": 330, "seed": 3, "environments": 5, "batch": 1}
PARTS = 3


@pytest.fixture(scope="module")
def agent(world):
    return agent_in(world)


@pytest.fixture(scope="module")
def world():
    return grid_world()


@pytest.fixture(scope="module")
def whole(agent, world, tmp_path_factory):
    return record(agent, world, out=tmp_path_factory.mktemp("whole") / "whole.zarr", workers=1, **SETTINGS)


@pytest.fixture(scope="module")
def made(agent, world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "parts"
    for number in (3, 1, 2):
        record(agent, world, out=folder, part=f"{number}/{PARTS}", workers=1, block_frames=40, **SETTINGS)
    return folder


@pytest.fixture
def parts(made, tmp_path):
    return shutil.copytree(made, tmp_path / "parts")


def test_joined_parts_are_the_recording_that_one_machine_makes(parts, whole):
    joined = join(parts)
    assert_same_content(joined, whole)
    assert_same_content(open_recording(parts), whole)
    assert is_recording(parts)
    assert (joined.columns, joined.world, joined.frames) == (whole.columns, whole.world, whole.frames)


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (50, 150), (65, 67), (66, 66), (131, 133), (0, 330), (330, 330)])
def test_any_rows_are_those_of_the_whole(parts, whole, start, stop):
    joined = join(parts)
    for names in (None, ("reward",)):
        assert joined.rows(start, stop, names).identical(whole.rows(start, stop, names))
    assert joined.objects(start, stop) == whole.objects(start, stop)
    assert sum(block.sizes["time"] for block in joined.blocks(37)) == whole.frames


def test_a_part_by_itself_is_a_recording_of_its_environments(parts, whole):
    first = open_recording(sorted(parts.iterdir())[1])
    assert first.part.first_environment == 1
    offset = 66
    rows, same = first.rows(), whole.rows(offset, offset + first.frames)
    assert rows.drop_vars("episode").identical(same.drop_vars("episode"))
    assert {each.environment for each in first.episodes} == {1, 2}


def test_analyses_and_the_explorer_see_no_difference(parts, whole, agent, tmp_path):
    joined = join(parts)
    for analysis in (retinoscope.analyses.raster, retinoscope.analyses.principal_components):
        assert analysis(joined, agent=agent).data.identical(analysis(whole, agent=agent).data)
    names = []
    for name, source in (("a", str(parts)), ("b", whole.path)):
        retinoscope.explore(source, out=tmp_path / name)
        names.append(sorted(each.relative_to(tmp_path / name) for each in (tmp_path / name).rglob("*.js")))
    assert len(names[0]) > 3 and names[0] == names[1]


@pytest.mark.parametrize("name", ["simulation", "fitted_components", "event_triggered", "episode_attribution"])
def test_whatever_is_made_of_it_is_that_of_the_whole(parts, whole, agent, world, name):
    found = []
    for recording in (join(parts), whole):
        results: dict[str, Result] = {}
        for each in select_analyses(only=[name]):
            chosen = with_settings(each.parameters(), QUICK.get(each.name, {}))
            results[each.name] = computed(each, Inputs(agent, recording, world), chosen, results)
        found.append(results[name].data)
    assert OMITTED not in found[0].attrs and found[0].equals(found[1])


def test_a_joined_recording_is_checked_as_any_other(parts, agent, world):
    join(parts)
    report = retinoscope.check(agent, recording=parts, frames=20, episodes=2, workers=1)
    assert report.passed and report.verdicts[-1].name == "the recording holds what the agent computes"
    assert "over 330 of 330 rows" in report.verdicts[-1].text
    store = zarr.open_group(sorted(parts.glob("part-*"))[1], mode="r+")
    store["value"][:] = store["value"][:] + 1
    verdict = check._made_before(agent, check._opened(agent, world, parts))
    assert verdict.outcome == "failed" and verdict.text.endswith("; value differ")
    with pytest.raises(UserError, match="was made with another agent"):
        check._opened(small_agent(), world, parts)


def test_nothing_is_copied_and_parts_may_lie_anywhere(parts, whole, tmp_path):
    def times(folder):
        return sorted(path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file())

    before = times(parts)
    (tmp_path / "elsewhere").mkdir()
    lying = [each.rename(tmp_path / "elsewhere" / f"{number}.zarr") for number, each in enumerate(parts.iterdir())]
    joined = join(reversed(lying), out=tmp_path / "index")
    assert [path.name for path in (tmp_path / "index").iterdir()] == [INDEX]
    assert_same_content(joined, whole)
    assert times(tmp_path / "elsewhere") == before
    (tmp_path / "moved").mkdir()
    for each in ("elsewhere", "index"):
        (tmp_path / each).rename(tmp_path / "moved" / each)
    assert_same_content(open_recording(tmp_path / "moved" / "index"), whole)


def test_a_part_that_was_interrupted_goes_on_to_the_same_rows(agent, world, whole, tmp_path):
    for frames in (100, 330):
        settings = SETTINGS | {"frames": frames, "workers": 1, "block_frames": 20}
        for number in (1, 2):
            record(agent, world, out=tmp_path / "parts", part=f"{number}/2", **settings)
        joined = join(tmp_path / "parts")
    assert_same_content(joined, whole)


def test_parts_that_know_each_other_need_no_number_of_environments(agent, world, tmp_path):
    settings = {"seed": 3, "workers": 1, "out": tmp_path / "parts"}
    record(agent, world, frames=40, environments=4, part="1/2", **settings)
    record(agent, world, frames=40, part="2/2", **settings)
    assert join(tmp_path / "parts").attributes["environments"] == 4
    with pytest.raises(UserError, match="seed 3, not 4"):
        record(agent, world, frames=40, part="2/2", **settings | {"seed": 4})


def test_parts_that_lack_something_are_refused_in_one_line_each(parts, agent, world, tmp_path):
    place = sorted(parts.iterdir())
    settings = {"workers": 1, **SETTINGS}

    def refused(complaint: str, *what: Path, **named: Path) -> None:
        with pytest.raises(UserError, match=complaint) as found:
            join(*what, **named)
        assert "\n" not in str(found.value)

    with pytest.raises(UserError, match=r"holds parts of a recording; .*retinoscope join"):
        open_recording(parts)
    refused("1 of 3 parts are missing; record --part 2/3", [place[0], place[2]], out=tmp_path / "index")
    refused("are both part 1 of 3", [place[0], place[0], place[1], place[2]], out=tmp_path / "index")
    other = record(agent, world, out=tmp_path / "other", part="2/3", **settings | {"seed": 9})
    refused("is of another recording than .*its seed is 9, not 3", [place[0], other.path, place[2]], out=tmp_path / "x")
    short = record(agent, world, out=tmp_path / "short", part="2/3", **settings | {"frames": 20})
    refused(r"part 2 of 3 is not finished \(4 decisions .* 66\)", [place[0], short.path, place[2]], out=tmp_path / "x")
    of_four = record(agent, world, out=tmp_path / "four", part="2/4", **settings)
    refused("number of parts is 4, not 3", [place[0], of_four.path, place[2]], out=tmp_path / "x")
    single = record(agent, world, out=tmp_path / "single.zarr", **settings)
    refused("is a recording of its own", [place[0], single.path], out=tmp_path / "x")
    refused("no folder with parts", tmp_path / "nothing")
    refused("holds a recording; choose another place", place, out=single.path)
    assert not (tmp_path / "index").exists() and not (tmp_path / "x").exists()
    assert len(list(parts.iterdir())) == PARTS


def test_what_changes_behind_an_index_is_noticed(parts, agent, world):
    join(parts)
    record(agent, world, out=parts, part="2/3", workers=1, **SETTINGS | {"frames": 400})
    with pytest.raises(UserError, match="part-2-of-3.zarr has changed since it was joined; join again"):
        open_recording(parts)
    shutil.rmtree(parts / "part-2-of-3.zarr")
    with pytest.raises(UserError, match=r"part-2-of-3.zarr is not there"):
        open_recording(parts)
    index = json.loads((parts / INDEX).read_text())
    index["parts"].pop()
    (parts / INDEX).write_text(json.dumps(index))
    with pytest.raises(UserError, match="joined.json is damaged; join the parts again"):
        open_recording(parts)


def test_a_folder_of_parts_takes_nothing_else(parts, agent, world, tmp_path):
    with pytest.raises(UserError, match="another number of parts than 4"):
        record(agent, world, out=parts, part="2/4", workers=1, **SETTINGS)
    join(parts)
    with pytest.raises(UserError, match="holds a recording in parts"):
        record(agent, world, out=parts, workers=1, **SETTINGS)
    single = record(agent, world, out=tmp_path / "single.zarr", workers=1, **SETTINGS)
    with pytest.raises(UserError, match="was not made in parts"):
        record(agent, world, out=single.path, part="1/2", workers=1, **SETTINGS)
    with pytest.raises(UserError, match="5 environments are decided for in 3 batches of 2.*each part has at least one"):
        record(agent, world, out=tmp_path / "x", part="1/4", workers=1, **SETTINGS | {"batch": 2})
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3"])
def test_an_impossible_part_is_refused(text):
    with pytest.raises(UserError, match="part: .* is none; give its number and how many there are"):
        part_numbers(text)


def test_parts_share_out_all_environments_in_whole_batches():
    for environments in range(1, 40):
        for of in range(1, environments + 1):
            batch = default_batch(environments, of)
            shares = [share(number, of, environments, batch) for number in range(1, of + 1)]
            firsts = [part.first_environment for part, _ in shares]
            assert firsts == [0, *np.cumsum([size for _, size in shares])[:-1]]
            assert sum(size for _, size in shares) == environments
            assert all(size > 0 for _, size in shares)
            assert all(first % batch == 0 for first in firsts)


def test_the_command_joins_and_refuses(parts, capsys):
    assert main(["join", str(parts), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 330
    shutil.rmtree(parts / "part-1-of-3.zarr")
    assert main(["join", str(parts)]) == 2
    assert "1 of 3 parts are missing; record --part 1/3" in capsys.readouterr().err


@pytest.mark.engine
def test_parts_of_an_arena_are_the_recording_of_one_machine(small_recording, small_recording_arena, tmp_path):
    settings = {"frames": 298, "seed": SEED, "environments": 3, "batch": 2, "block_frames": 64}
    for number in (2, 1):
        record(small_agent(), small_recording_arena, out=tmp_path / "parts", part=f"{number}/2", **settings)
    assert_same_content(join(tmp_path / "parts"), small_recording)

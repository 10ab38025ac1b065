"""Recording with the real engine and a real network: alignment, chance, resuming, bad input."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
import zarr

from retinoscope.agents.actions import ActionHead
from retinoscope.errors import UserError
from retinoscope.rollouts import open_recording, playing, record, recorder, replay_error
from retinoscope.rollouts.chance import ActionSampler
from tests.rollouts.recordings import (
    SEED,
    assert_same_content,
    descendants,
    slow_recording,
    small_agent,
    small_arena,
)


@pytest.fixture
def arena(small_recording_arena):
    return small_recording_arena


@pytest.fixture
def recording(small_recording):
    return small_recording


@pytest.mark.parametrize("environment", [0, 2])
def test_rows_are_those_of_a_slow_loop_that_plays_one_environment(recording, arena, environment):
    expected = slow_recording(small_agent(), arena, SEED, environment, 100)
    rows = recording.rows(environment * 100, environment * 100 + 100)
    for name in ("observation", "action", "events", "terminated", "truncated"):
        np.testing.assert_array_equal(rows[name], expected[name], err_msg=name)
    np.testing.assert_array_equal(rows["step"], expected["step"])
    for name in ("health", "position", "angle", "reward"):
        np.testing.assert_array_equal(rows[name], np.array(expected[name], np.float32), err_msg=name)
    for name in ("state_entering", "fc", "rnn", "logits", "value"):
        np.testing.assert_allclose(rows[name], expected[name], atol=1e-5, err_msg=name)
    first = next(episode.index for episode in recording.episodes if episode.environment == environment)
    np.testing.assert_array_equal(rows["episode"], np.array(expected["episode"]) + first)
    in_view = recording.objects(environment * 100, environment * 100 + 100)
    for found, objects in zip(in_view, expected["objects"], strict=True):
        assert [each["class_index"] for each in found] == [each["class_index"] for each in objects]
        np.testing.assert_array_equal([each["box"] for each in found], [each["box"] for each in objects])
        np.testing.assert_allclose([each["distance"] for each in found], [each["distance"] for each in objects])


def test_the_small_recording_shows_what_the_other_tests_rely_on(recording):
    assert recording.frames == 300
    rows = recording.rows()
    assert rows["terminated"].sum() > 2
    assert rows["truncated"].sum() > 0
    assert rows["events"].sum() > 0
    assert any(recording.objects())
    assert len({tuple(action) for action in rows["action"].to_numpy().tolist()}) == 9


def test_episodes_span_all_rows_and_only_the_last_of_an_environment_is_unfinished(recording):
    episodes, ends = recording.episodes, recording.rows()["terminated"] | recording.rows()["truncated"]
    assert [episode.start for episode in episodes] == [0, *(episode.stop for episode in episodes[:-1])]
    assert episodes[-1].stop == recording.frames
    assert [episode.index for episode in episodes] == list(range(len(episodes)))
    for episode in episodes:
        inside = ends.to_numpy()[episode.start : episode.stop]
        assert not inside[:-1].any()
        assert inside[-1] == (episode.terminated or episode.truncated)
        assert inside[-1] or episode.stop % 100 == 0
        assert (recording.rows(episode.start, episode.stop)["episode"] == episode.index).all()


def test_the_recurrent_state_is_zero_at_the_start_of_an_episode_and_carried_within_it(recording):
    rows = recording.rows()
    is_start = rows["step"].to_numpy() == 0
    assert not rows["state_entering"].to_numpy()[is_start].any()
    entering, leaving = rows["state_entering"].to_numpy()[1:], rows["rnn"].to_numpy()[:-1]
    np.testing.assert_array_equal(entering[~is_start[1:]], leaving[~is_start[1:]])


def test_the_number_of_processes_changes_nothing(recording, arena, tmp_path):
    other = record(
        small_agent(), arena, frames=300, out=tmp_path / "a.zarr", seed=SEED, environments=3, workers=1, block_frames=96
    )
    assert_same_content(recording, other)


def test_a_recording_with_too_few_frames_goes_on_as_if_it_had_never_stopped(recording, arena, tmp_path):
    settings = {"out": tmp_path / "a.zarr", "seed": SEED, "environments": 3, "block_frames": 96}
    for frames in (3, 48, 130, 300):  # one row each; one whole block; within a block and an episode; the end
        found = record(small_agent(), arena, frames=frames, **settings)
        assert found.frames == 3 * -(-frames // 3)
        assert found.attributes["complete"]
    assert_same_content(recording, found)


def test_a_recording_that_has_enough_frames_is_left_as_it_is(recording, arena):
    def times():
        return {path: path.stat().st_mtime_ns for path in recording.path.rglob("*")}

    before = times()
    assert record(small_agent(), arena, frames=10, out=recording.path, seed=SEED).frames == recording.frames
    assert times() == before


def test_greedy_recordings_take_the_likeliest_output(arena, tmp_path):
    rows = record(small_agent(), arena, frames=20, out=tmp_path / "a.zarr", greedy=True).rows()
    logits = rows["logits"].to_numpy()
    np.testing.assert_array_equal(rows["action"], np.stack([logits[:, :3].argmax(1), logits[:, 3:].argmax(1)], 1))


def test_actions_are_drawn_with_the_probabilities_of_the_softmax():
    logits = np.array([[0.0, 1.0, -1.0, 2.0, 0.0]])
    sampler = ActionSampler(0, (ActionHead("turn", ("a", "b", "c")), ActionHead("move", ("d", "e"))))
    drawn = np.concatenate([sampler.draw(logits, range(1), np.array([0])) for _ in range(20_000)])
    for head, part in enumerate((logits[0, :3], logits[0, 3:])):
        expected = np.exp(part) / np.exp(part).sum()
        np.testing.assert_allclose(np.bincount(drawn[:, head]) / len(drawn), expected, atol=0.015)


def test_an_agent_without_memory_can_be_recorded(arena, tmp_path):
    agent = small_agent(rnn="none")
    recording = record(agent, arena, frames=60, out=tmp_path / "a.zarr", environments=2, block_frames=32)
    assert "state_entering" not in recording.rows(0, 1)
    assert replay_error(recording, agent).holds


def test_nothing_keeps_running_afterwards(arena, tmp_path):
    before = set(descendants(os.getpid()))
    record(small_agent(), arena, frames=20, out=tmp_path / "a.zarr", environments=2)
    left = set(descendants(os.getpid())) - before
    assert len(left) <= 1  # the standard library's own resource tracker


@contextmanager
def file_size_limit(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_said_in_one_line_and_what_was_recorded_stays_readable(recording, arena, tmp_path, monkeypatch):
    settings = {"out": tmp_path / "a.zarr", "seed": SEED, "environments": 3, "block_frames": 96}
    record(small_agent(), arena, frames=96, **settings)

    @contextmanager
    def disk_full_once_it_plays(*_):
        with ExitStack() as stack:
            limits = iter([20_000])  # less than the frames of a block take
            yield lambda frames: [stack.enter_context(file_size_limit(size)) for size in limits]

    with monkeypatch.context() as patch:
        patch.setattr(playing, "progress_bar", disk_full_once_it_plays)
        with pytest.raises(UserError, match="no disk space left while recording; 96 frames recorded so far") as found:
            record(small_agent(), arena, frames=300, **settings)
    assert "\n" not in str(found.value)
    assert not list(settings["out"].rglob("*.partial"))
    left = open_recording(settings["out"])
    assert left.frames == 96
    for environment in range(3):
        ours = left.rows(environment * 32, environment * 32 + 32)
        theirs = recording.rows(environment * 100, environment * 100 + 32)
        assert ours.drop_vars("episode").identical(theirs.drop_vars("episode"))
    assert_same_content(recording, record(small_agent(), arena, frames=300, **settings))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"frames": 0}, "frames: 0 is too few"),
        ({"frames": -3}, "frames: -3 is too few"),
        ({"environments": 0}, "environments: 0 is too few"),
        ({"workers": 0}, "workers: 0 is too few"),
        ({"block_frames": 0}, "block_frames: 0 is too few"),
        ({"seed": -1}, "seed: -1 is negative"),
    ],
)
def test_impossible_numbers_are_refused_before_anything_is_written(arena, tmp_path, change, complaint):
    with pytest.raises(UserError, match=complaint):
        record(small_agent(), arena, **{"frames": 10, "out": tmp_path / "a.zarr"} | change)
    assert not list(tmp_path.iterdir())


def test_an_agent_that_does_not_fit_the_arena_is_refused(arena, tmp_path):
    agent = small_agent()
    agent.policy.observation_shape = (30, 40, 3)
    with pytest.raises(UserError, match="world 'apples'.*30.*40"):
        record(agent, arena, frames=10, out=tmp_path / "a.zarr")
    agent = small_agent()
    agent.policy.action_heads = agent.policy.action_heads[:1]
    with pytest.raises(UserError, match="world 'apples'.*heads"):
        record(agent, arena, frames=10, out=tmp_path / "a.zarr")
    with pytest.raises(UserError, match="world it was trained in is not known"):
        record(small_agent(), frames=10, out=tmp_path / "a.zarr")
    assert not list(tmp_path.iterdir())


def test_a_path_that_holds_something_else_or_cannot_be_written_is_refused(arena, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    complaints = {"folder": "not a recording", "file": "not a recording", "file/a.zarr": "cannot be written"}
    for out, complaint in complaints.items():
        with pytest.raises(UserError, match=complaint):
            record(small_agent(), arena, frames=10, out=tmp_path / out)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "notes.txt"]


def test_going_on_with_something_else_is_refused_and_says_what_differs(recording, arena, tmp_path):
    settings = {"frames": 400, "out": recording.path, "seed": SEED}
    other_arena = small_arena(tmp_path).__class__(arena.path, arena.scenario, "f" * 64, arena.actor_names)
    cases = [
        (small_agent(1), arena, {}, "checkpoint_sha256 000000000000.*, not 000000000000"),
        (small_agent(), other_arena, {}, "world_sha256 .*, not ffffffffffff"),
        (small_agent(), arena, {"seed": 6}, "seed 5, not 6"),
        (small_agent(), arena, {"environments": 4}, "environments 3, not 4"),
        (small_agent(), arena, {"greedy": True}, "greedy False, not True"),
    ]
    for agent, where, change, complaint in cases:
        with pytest.raises(UserError, match=complaint):
            record(agent, where, **settings | change)


def test_weights_that_differ_under_the_same_hash_are_noticed(recording, arena):
    impostor = small_agent(1).__class__("impostor", small_agent(1).policy, checkpoint_sha256=f"{0:064x}")
    with pytest.raises(UserError, match="decisions of another network"):
        record(impostor, arena, frames=400, out=recording.path, seed=SEED)


def test_a_world_that_does_not_repeat_the_recording_is_noticed(recording, arena, tmp_path):
    copy = shutil.copytree(recording.path, tmp_path / "copy.zarr")
    actions = zarr.open_group(copy, mode="r+")["action"]
    actions[0, 95:99] = 2 - actions[0, 95:99]
    with pytest.raises(UserError, match="does not show again what was recorded"):
        record(small_agent(), arena, frames=400, out=copy, seed=SEED)
    assert open_recording(copy).frames == 300


def test_a_script_without_a_main_guard_can_record(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import pathlib, retinoscope\n"
        "from tests.rollouts.recordings import small_agent, small_arena\n"
        "folder = pathlib.Path(__file__).parent\n"
        "print(retinoscope.record(small_agent(), small_arena(folder), frames=5, out=folder / 'a.zarr').frames)\n"
    )
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "5\n", "")


def test_two_recorders_do_not_write_to_one_path(recording, arena):
    with recorder.only_writer(recording.path), pytest.raises(UserError, match="another process is recording there"):
        record(small_agent(), arena, frames=400, out=recording.path, seed=SEED)


@pytest.mark.parametrize(("frames", "expected"), [(9, 1), (35, 3), (90, 4)])
def test_unless_asked_for_there_are_as_many_environments_as_have_enough_to_play(
    arena, tmp_path, monkeypatch, frames, expected
):
    monkeypatch.setattr(recorder, "_FRAMES_PER_ENVIRONMENT", 10)
    monkeypatch.setattr(recorder, "_MOST_ENVIRONMENTS", 4)
    found = record(small_agent(), arena, frames=frames, out=tmp_path / "a.zarr", workers=1)
    assert found.attributes["environments"] == expected
    assert found.frames == expected * -(-frames // expected)

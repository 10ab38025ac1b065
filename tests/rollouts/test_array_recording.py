"""Arrays of anyone are read like an episode store."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

from retinoscope.errors import UserError
from retinoscope.rollouts import ArrayRecording

LENGTHS = [5, 3, 4]


def planted(**changes) -> ArrayRecording:
    arrays = {"fc": np.arange(36.0).reshape(12, 3), "value": np.arange(12.0)}
    settings = {"episode_lengths": LENGTHS, "terminated": [False, True], "attributes": {"agent": "mine"}}
    return ArrayRecording(changes.pop("arrays", arrays), **settings | changes)


def test_arrays_of_a_store_are_read_as_the_store_is(small_recording):
    whole = small_recording.rows()
    lengths = [each.stop - each.start for each in small_recording.episodes]
    again = ArrayRecording(
        {str(name): whole[name].values for name in whole},
        layers=small_recording.attributes["layers"],
        episode_lengths=lengths,
        objects=small_recording.objects(),
        world=small_recording.world,
        attributes=small_recording.attributes,
    )
    for start, stop in ((0, None), (17, 93), (40, 41), (298, 298)):
        ours, theirs = again.rows(start, stop), small_recording.rows(start, stop)
        for name in theirs:
            np.testing.assert_array_equal(ours[name].values, theirs[name].values, err_msg=name)
        for name in ("episode", "step"):
            np.testing.assert_array_equal(ours[name].values, theirs[name].values, err_msg=name)
        for name in ("event", "head", "output", "axis"):
            assert ours[name].values.tolist() == theirs[name].values.tolist()
    assert [(each.start, each.stop) for each in again.episodes] == [
        (each.start, each.stop) for each in small_recording.episodes
    ]
    assert again.attributes["layers"] == small_recording.attributes["layers"]
    assert len(again.objects(3, 60)) == 57
    assert [len(each) for each in again.objects()] == [len(each) for each in small_recording.objects()]


def test_episodes_and_their_ends_are_those_given():
    recording = planted()
    assert [(each.start, each.stop, each.terminated, each.truncated) for each in recording.episodes] == [
        (0, 5, False, True),
        (5, 8, True, False),
        (8, 12, False, True),
    ]
    rows = recording.rows()
    assert rows["episode"].values.tolist() == [0] * 5 + [1] * 3 + [2] * 4
    assert rows["step"].values.tolist() == [*range(5), *range(3), *range(4)]
    assert np.flatnonzero(rows["terminated"].values).tolist() == [7]
    assert np.flatnonzero(rows["truncated"].values).tolist() == [4, 11]
    left = planted(episode_lengths=[5, 3], terminated=None).episodes[-1]
    assert (left.stop, left.terminated, left.truncated) == (12, False, False)


def test_blocks_and_layers():
    recording = planted()
    assert recording.attributes["layers"] == {"fc": 3}
    blocks = list(recording.blocks(5, ["fc"]))
    assert [each.sizes["time"] for each in blocks] == [5, 5, 2]
    xarray.testing.assert_equal(xarray.concat(blocks, "time"), recording.rows(names=["fc"]))


def test_episodes_end_where_the_arrays_say_it():
    ends = np.zeros((2, 12), bool)
    ends[0, 7], ends[1, 4] = True, True
    recording = planted(
        arrays={"fc": np.zeros((12, 3)), "terminated": ends[0], "truncated": ends[1]},
        episode_lengths=None,
        terminated=None,
    )
    assert [(each.start, each.stop, each.terminated, each.truncated) for each in recording.episodes] == [
        (0, 5, False, True),
        (5, 8, True, False),
        (8, 12, False, False),
    ]
    never = {"fc": np.zeros((12, 3)), "terminated": np.zeros(12)}
    assert len(planted(arrays=never, episode_lengths=None, terminated=None).episodes) == 1


def test_what_is_not_declared_is_told_by_the_arrays():
    arrays = {
        "fc": np.zeros((12, 3)),
        "memory": np.zeros((12, 2)),
        "observation": np.zeros((12, 4, 5), np.uint8),
        "ball": np.arange(12.0),
        "action": np.array([0, 2] * 6),
        "events": np.eye(12, 2, dtype=np.uint8),
    }
    recording = planted(arrays=arrays, roles={"memory": "memory"}, events={"coin": 1, "bump": None})
    assert recording.layers_of("memory") == ("memory",) and recording.layers_of("other") == ("fc",)
    assert recording.world.picture.shape == (4, 5, 1)
    assert [each.name for each in recording.world.variables] == ["ball"]
    assert [(each.name, each.valence) for each in recording.world.events] == [("coin", 1), ("bump", None)]
    assert recording.attributes["action_heads"] == {"action": ["0", "1", "2"]}
    rows = recording.rows()
    assert rows["action"].dims == ("time", "head") and rows["observation"].shape == (12, 4, 5, 1)
    assert rows["event"].values.tolist() == ["coin", "bump"]
    for bright, white in ((1.0, 1.0), (200.0, 255.0)):
        picture = planted(arrays=arrays | {"observation": np.full((12, 4, 5, 3), bright, np.float32)}).world.picture
        assert (picture.shape, picture.low, picture.high) == ((4, 5, 3), 0.0, white)
    numbers = planted(arrays={"fc": np.zeros((12, 3)), "action": np.zeros((12, 2), np.float32)})
    assert numbers.attributes["action_kinds"] == {"action": "gaussian"}
    assert numbers.attributes["action_heads"]["action"][:2] == ["0", "1"]


def test_a_folder_is_opened_with_what_is_in_it(tmp_path):
    for name, values in {"hx": np.zeros((12, 3)), "value": np.arange(12.0)}.items():
        np.save(tmp_path / f"{name}.npy", values)
    recording = ArrayRecording.open(tmp_path, episode_lengths=LENGTHS, roles={"hx": "memory"})
    assert recording.columns[:2] == ("hx", "value") and len(recording.episodes) == 3
    assert recording.layers_of("memory") == ("hx",)
    with pytest.raises(UserError, match="holds no .npy files"):
        ArrayRecording.open(tmp_path / "nowhere")


def test_files_are_mapped(tmp_path):
    np.save(tmp_path / "fc.npy", np.arange(36.0).reshape(12, 3))
    recording = planted(arrays={"fc": tmp_path / "fc.npy"})
    assert recording.rows(2, 4)["fc"].values.tolist() == [[6, 7, 8], [9, 10, 11]]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"arrays": {}}, "no arrays"),
        ({"arrays": {"fc": np.zeros((4, 2)), "value": np.zeros(3)}}, "value has 3 rows, fc has 4"),
        ({"arrays": {"fc": np.array(["a"])}}, "fc: holds <U1"),
        ({"arrays": {"fc": "nowhere.npy"}}, "nowhere.npy: cannot be read"),
        ({"episode_lengths": [7, 7]}, "do not fit 12 rows"),
        ({"episode_lengths": [0, 7]}, "do not fit 12 rows"),
        ({"terminated": [True] * 4}, "4 entries for 3 episodes"),
        ({"layers": ["value"]}, "layer 'value'"),
        ({"objects": [[]]}, "objects of 1 rows"),
        ({"roles": {"rnn": "memory"}}, "roles name 'rnn'"),
        ({"events": {"coin": 1}}, "names of 1 events, and counts of 0"),
    ],
)
def test_what_does_not_fit_is_one_line(changes, says):
    with pytest.raises(UserError, match=says) as caught:
        planted(**changes)
    assert "\n" not in str(caught.value)


def test_rows_and_variables_that_are_not_there_are_refused():
    with pytest.raises(UserError, match="rows 3 to 13"):
        planted().rows(3, 13)
    with pytest.raises(UserError, match="no variable 'rnn'; choose from fc, value"):
        planted().rows(names=["rnn"])

"""Run by an interpreter that has Minari: a recording to a data set and back, bit for bit."""

from __future__ import annotations

import sys
from pathlib import Path

import minari
import numpy as np

import retinoscope
from retinoscope.errors import UserError
from retinoscope.rollouts import Recording
from tests.exports.recordings import LENGTHS, assert_same_columns, everything, same


def check(recording: Recording, folder: Path) -> None:
    """There and back, in memory and through files; and what Minari itself reads."""
    place = retinoscope.export(recording, "minari", folder / "planted-v0")
    for kept in (None, folder / "arrays"):
        again = retinoscope.from_minari(place, kept)
        assert_same_columns(recording, {name: again.rows()[name].values for name in again.columns})
        assert again.world == recording.world and again.columns == recording.columns
        assert [(each.start, each.stop, each.terminated) for each in again.episodes] == [
            (each.start, each.stop, each.terminated) for each in recording.episodes
        ]
        assert again.layers_of("memory") == recording.layers_of("memory")
    dataset = minari.MinariDataset(place / "data")
    assert dataset.total_episodes == len(LENGTHS) and dataset.total_steps == sum(LENGTHS)
    rows = recording.rows()
    for episode, about in zip(dataset.iterate_episodes(), recording.episodes, strict=True):
        seen = rows["observation"].values[about.start : about.stop]
        assert same(episode.observations, np.concatenate([seen, seen[-1:]]))
        assert same(episode.actions, rows["action"].values[about.start : about.stop])
        assert same(episode.rewards, rows["reward"].values[about.start : about.stop])
        assert all(dataset.action_space.contains(each) for each in episode.actions)
        assert all(dataset.observation_space.contains(each) for each in episode.observations)


def check_of_others(folder: Path) -> None:
    """A data set that was not made here, and one without pictures."""
    import gymnasium
    from minari.data_collector import EpisodeBuffer
    from minari.dataset.minari_storage import MinariStorage

    actions = gymnasium.spaces.Discrete(3)
    for name, shape in (("pictures", (4, 4, 3)), ("numbers", (4,))):
        space = gymnasium.spaces.Box(0, 255, shape, np.uint8)
        (folder / name).mkdir()
        storage = MinariStorage.new(folder / name / "data", space, actions, jpeg_encoding=False)
        seen = np.arange(4 * np.prod(shape), dtype=np.uint8).reshape(4, *shape)
        flags = {"terminations": [False, False, True], "truncations": [False] * 3}
        infos = {"speed": np.arange(4.0), "name": ["a", "b", "c"]}
        told = {"observations": seen, "actions": np.array([0, 1, 2]), "rewards": [0.0, 1.0, 2.0], "infos": infos}
        storage.update_episodes([EpisodeBuffer(**told, **flags)])
        if name == "pictures":
            found = retinoscope.from_minari(folder / name)
            assert same(found.rows()["observation"].values, seen[:3]) and found.frames == 3
            assert found.rows()["speed"].values.tolist() == [0, 1, 2] and found.episodes[0].terminated
        else:
            try:
                retinoscope.from_minari(folder / name)
            except UserError as error:
                assert "its observations are no pictures" in str(error)
            else:
                raise AssertionError("numbers were taken for pictures")


if __name__ == "__main__":
    assert int(np.__version__.split(".")[0]) >= 2
    for number, is_continuous in enumerate((False, True)):
        (Path(sys.argv[1]) / str(number)).mkdir()
        check(everything(continuous=is_continuous), Path(sys.argv[1]) / str(number))
    check_of_others(Path(sys.argv[1]))
    print("bit for bit")

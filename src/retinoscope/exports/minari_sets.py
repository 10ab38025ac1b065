"""Data sets of Minari (Younis et al. 2024): a recording as one, and one as a recording.

Minari keeps an episode of T decisions with T + 1 observations, the last of which no network saw and no recording holds;
it is written as a copy of the one before it, and left out when it is read. All that Minari has no word for, activity
and variables of the world, are `infos`, one entry for each decision. Pictures are kept as they are, and not as JPEG,
which is Minari's default and would change them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retinoscope.errors import UserError
from retinoscope.exports.described import attributes_of
from retinoscope.progress import progress_bar

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.rollouts.array_recording import ArrayRecording

OURS = "retinoscope"
"""Under which the metadata of a data set say what the recording was."""

_NO_LAST = (
    "The observation after the last decision of an episode was not recorded; the one before it stands in its place."
)
_OF_MINARI = {"reward": "rewards", "terminated": "terminations", "truncated": "truncations"}


def write(recording: Recording, path: Path, progress: bool = False) -> None:
    """Write the data set into `path`/data, as Minari's folder of data sets has it.

    Raises:
        UserError: the recording has no frames or no actions, which a data set has to have.
    """
    from minari import __version__
    from minari.data_collector import EpisodeBuffer
    from minari.dataset.minari_storage import MinariStorage

    for name in ("observation", "action", "reward"):
        if name not in recording.columns:
            raise UserError(
                f"{recording.path}: has no {name}, which a data set of Minari has to have; export it to nwb or npz"
            )
    (path / "data").mkdir(parents=True)
    spaces = {"observation_space": _observations(recording), "action_space": _actions(recording)}
    storage = MinariStorage.new(path / "data", **spaces, jpeg_encoding=False)
    further = [name for name in recording.columns if name not in ("observation", "action", *_OF_MINARI)]

    def episodes() -> Iterator[Any]:
        with progress_bar("decisions", recording.frames, progress) as advance:
            for each in recording.episodes:
                rows = recording.rows(each.start, each.stop)
                seen = rows["observation"].values
                yield EpisodeBuffer(
                    observations=np.concatenate([seen, seen[-1:]]),
                    actions=rows["action"].values,
                    **{theirs: rows[ours].values for ours, theirs in _OF_MINARI.items()},
                    infos={name: rows[name].values for name in further},
                )
                advance(each.stop - each.start)

    storage.update_episodes(episodes())
    metadata = [{"environment": each.environment} for each in recording.episodes]
    storage.update_episode_metadata(metadata)
    said = attributes_of(recording) | {"columns": list(recording.columns)}
    name = path.name.removeprefix(".unfinished-")
    storage.update_metadata(
        {
            "dataset_id": name if name.rpartition("-v")[2].isdigit() else f"{name}-v0",
            "minari_version": __version__,
            "algorithm_name": str(recording.attributes["agent"]),
            "description": f"{said['notes']} {_NO_LAST}",
            OURS: json.dumps(said, default=str),
        }
    )


def from_minari(dataset: str | Path, folder: str | Path | None = None) -> ArrayRecording:
    """A data set of Minari as a recording, one that was exported or anyone's whose observations are pictures.

    Args:
        dataset: its folder, the one with `data` in it or `data` itself; or its name in Minari's own folder.
        folder: where the arrays are written as `.npy` files, which the recording then reads from there; None to hold
            them in memory.

    Raises:
        UserError: Minari is not installed, there is no such data set, its observations are no pictures, or `folder`
            cannot be written.
    """
    from retinoscope.exports.exporting import require_library
    from retinoscope.rollouts.array_recording import ArrayRecording

    require_library("minari", "minari")
    storage = _opened(dataset)
    said = json.loads(storage.metadata.get(OURS, "{}"))
    lengths = [int(each["total_steps"]) for each in storage.get_episode_metadata(range(storage.total_episodes))]
    arrays = _arrays(storage, lengths, None if folder is None else Path(folder), str(dataset))
    given: dict[str, Any] = {"episode_lengths": lengths, "terminated": _ended(arrays["terminated"], lengths)}
    if said:
        from retinoscope.worlds.declaration import Declaration

        given |= {"world": Declaration.from_json(said["world"]), "attributes": said["attributes"]}
        given["layers"] = list(said["attributes"]["layers"])
        arrays = {name: arrays[name] for name in said["columns"]}
    return ArrayRecording(arrays, name=str(dataset), **given)


def _observations(recording: Recording) -> Any:
    import gymnasium

    picture = recording.world.picture
    return gymnasium.spaces.Box(picture.low, picture.high, picture.shape, np.dtype(picture.dtype).type)


def _actions(recording: Recording) -> Any:
    """What the world declares of the actions, in the shape in which they are stored."""
    import gymnasium

    heads = recording.world.actions
    bounds = [pair for head in heads for pair in head.bounds]
    stored = recording.rows(0, 1, ("action",))["action"]
    if bounds or stored.dtype.kind == "f":
        low, high = np.array(bounds or [(-np.inf, np.inf)] * stored.shape[1], np.float32).T
        return gymnasium.spaces.Box(low, high, dtype=np.float32)
    outputs = recording.attributes["action_heads"].values()
    return gymnasium.spaces.MultiDiscrete([len(each) for each in outputs], dtype=stored.dtype.type)


def _opened(dataset: str | Path) -> Any:
    from minari.dataset.minari_storage import MinariStorage
    from minari.storage import get_dataset_path

    for place in (Path(dataset) / "data", Path(dataset), Path(get_dataset_path(str(dataset))) / "data"):
        if (place / "metadata.json").is_file():
            return MinariStorage.read(place)
    raise UserError(
        f"{dataset}: there is no data set of Minari; give its folder, or download it with `minari download`"
    )


def _arrays(storage: Any, lengths: list[int], folder: Path | None, name: str) -> dict[str, Any]:
    """Columns over all episodes, read episode by episode."""
    count = sum(lengths)
    if not count:
        raise UserError(f"{name}: holds no decisions")
    arrays: dict[str, Any] = {}
    start = 0
    for episode, length in zip(storage.get_episodes(range(len(lengths))), lengths, strict=True):
        for column, values in _columns(episode, length, name).items():
            if column not in arrays:
                arrays[column] = _empty((count, *values.shape[1:]), values.dtype, column, folder)
            arrays[column][start : start + length] = values
        start += length
    return arrays


def _columns(episode: Mapping[str, Any], length: int, name: str) -> dict[str, Any]:
    """One episode by the names of a recording; infos that are no numbers, one for each decision, are left out."""
    seen = np.asarray(episode["observations"]) if not isinstance(episode["observations"], Mapping) else np.empty(0)
    if seen.ndim != 4:
        raise UserError(f"{name}: its observations are no pictures (height, width, channel); only those can be read")
    found = {"observation": seen[:length], "action": np.asarray(episode["actions"])[:length]}
    found |= {ours: np.asarray(episode[theirs]) for ours, theirs in _OF_MINARI.items()}
    for key, values in (episode["infos"] or {}).items():
        array = np.asarray(values) if not isinstance(values, Mapping) else np.empty(0, object)
        if array.dtype.kind in "fiub" and len(array) in (length, length + 1):
            found[key] = array[:length]
    return found


def _empty(shape: tuple[int, ...], dtype: np.dtype[Any], column: str, folder: Path | None) -> Any:
    if folder is None:
        return np.empty(shape, dtype)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return np.lib.format.open_memmap(folder / f"{column}.npy", "w+", dtype, shape)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); choose another place") from None


def _ended(terminated: Any, lengths: list[int]) -> list[bool]:
    """Whether each episode was terminated."""
    last = np.cumsum(lengths) - 1
    return [bool(each) for each in np.asarray(terminated[last])]

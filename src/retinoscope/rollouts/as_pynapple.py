"""A recording as time series of pynapple (Viejo et al. 2023), with which anyone's analyses of neurons can go on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from retinoscope.errors import UserError

if TYPE_CHECKING:
    from retinoscope.rollouts.recording import Recording

_NOT_SERIES = ("observation", "state_entering")


def as_pynapple(recording: Recording, names: Iterable[str] | None = None) -> dict[str, Any]:
    """The columns of a recording as objects of pynapple.

    Args:
        recording: what is told.
        names: of columns; None for all but the frames and the state that enters.

    Returns:
        By name: `episodes`, an `IntervalSet`, with `terminated` and `truncated`; every column of single numbers a
        `Tsd`, every other one a `TsdFrame` whose columns are units or the labels of the variable (frames a
        `TsdTensor`); `events`, a `TsGroup` of the times of each event, with its name and valence. Times are seconds,
        of a world without a time of its own numbers of decisions, and run on from episode to episode.

    Raises:
        UserError: pynapple is not installed, or there is no such column.
    """
    try:
        import pynapple
    except ImportError:
        raise UserError("pynapple: is not installed; pip install 'retinoscope[pynapple]'") from None
    wanted = [each for each in recording.columns if each not in _NOT_SERIES] if names is None else list(names)
    step = recording.world.clock.per_decision
    times = np.arange(recording.frames) * step
    rows = recording.rows(names=wanted)
    episodes = recording.episodes
    # Between the last decision of an episode and the first of the next lies the border.
    whole = pynapple.IntervalSet(
        start=[times[each.start] for each in episodes],
        end=[times[each.stop - 1] + step / 4 for each in episodes],
        metadata={name: [getattr(each, name) for each in episodes] for name in ("terminated", "truncated")},
    )
    found: dict[str, Any] = {"episodes": whole}
    for name in wanted:
        column = rows[name]
        if name == "events":
            found[name] = _events(pynapple, recording, column.values, times, whole)
        elif column.ndim == 1:
            found[name] = pynapple.Tsd(t=times, d=np.asarray(column.values), time_support=whole)
        elif column.ndim == 2:
            labels = rows.coords.get(column.dims[1])
            columns = list(range(column.shape[1])) if labels is None else [str(each) for each in labels.values]
            found[name] = pynapple.TsdFrame(t=times, d=column.values, columns=columns, time_support=whole)
        else:
            found[name] = pynapple.TsdTensor(t=times, d=column.values, time_support=whole)
    return found


def _events(pynapple: Any, recording: Recording, counts: np.ndarray, times: np.ndarray, episodes: Any) -> Any:
    """Times of each event: of the decision before it; one that happens several times at once is there as often."""
    declared = recording.world.events
    series = {
        number: pynapple.Ts(t=np.repeat(times, counts[:, number].astype(np.int64)), time_support=episodes)
        for number in range(len(declared))
    }
    valences = np.array([np.nan if each.valence is None else each.valence for each in declared])
    about = {"event": np.array([each.name for each in declared]), "valence": valences}
    return pynapple.TsGroup(series, time_support=episodes, metadata=about)

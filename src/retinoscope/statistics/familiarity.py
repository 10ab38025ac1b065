"""How far activity is from activity that was recorded, in units of how far recorded activity is from its own kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import NotMeasurable

_AT_A_TIME = 512  # points; memory grows with this and with nothing else


def relative_distances(
    shown: NDArray, recorded: NDArray, groups: NDArray[np.integer]
) -> tuple[NDArray, NDArray, float]:
    """Distance to the nearest recorded activity, relative to the typical such distance within the recording.

    Neighbours in time are near each other whatever they show. Within the recording the nearest neighbour is therefore
    sought in other groups (episodes, or distant stretches of one) only.

    Args:
        shown: (image, unit) activity.
        recorded: (row, unit) activity.
        groups: (row,) what each row belongs to.

    Returns:
        (image,) and (row,) relative distances, and the typical distance itself: the median over the rows. 1 is as far
        as recorded activity typically is from that of other groups.

    Raises:
        NotMeasurable: there is only one group, or recorded activity never varies.
    """
    names = np.unique(groups)
    if len(names) < 2:
        raise NotMeasurable("familiarity: the recording has one stretch only; record more decisions")
    within = np.empty(len(recorded))
    for name in names:
        own = groups == name
        within[own] = _to_the_nearest(recorded[own], recorded[~own])
    typical = float(np.median(within))
    if typical <= 0:
        raise NotMeasurable("familiarity: recorded activity does not vary; record more decisions")
    return _to_the_nearest(shown, recorded) / typical, within / typical, typical


def _to_the_nearest(points: NDArray, others: NDArray) -> NDArray[np.float64]:
    """(point,) Euclidean distance of each point to the nearest of some others, (other, dimension).

    Which is nearest is found by matrix products, in many dimensions sooner than by a tree; how near, by the difference.
    """
    table = np.asarray(others, np.float64)
    squares = (table**2).sum(axis=1)
    found = np.empty(len(points))
    for start in range(0, len(points), _AT_A_TIME):
        part = np.asarray(points[start : start + _AT_A_TIME], np.float64)
        nearest = (squares - 2 * part @ table.T).argmin(axis=1)
        found[start : start + _AT_A_TIME] = np.linalg.norm(part - table[nearest], axis=1)
    return found

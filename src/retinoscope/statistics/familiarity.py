"""How far activity is from activity that was recorded, in units of how far recorded activity is from its own kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import NotMeasurable


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
    from scipy.spatial import cKDTree

    names = np.unique(groups)
    if len(names) < 2:
        raise NotMeasurable("familiarity: the recording has one stretch only; record more decisions")
    within = np.empty(len(recorded))
    for name in names:
        own = groups == name
        within[own] = cKDTree(recorded[~own]).query(recorded[own])[0]
    typical = float(np.median(within))
    if typical <= 0:
        raise NotMeasurable("familiarity: recorded activity does not vary; record more decisions")
    return cKDTree(recorded).query(shown)[0] / typical, within / typical, typical

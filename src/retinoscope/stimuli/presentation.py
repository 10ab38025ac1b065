"""Images of a data set before an agent: any number of them, in batches, at one place or at many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from retinoscope.errors import UserError
from retinoscope.scenarios import ArenaArchive
from retinoscope.stimuli.pasting import Paster
from retinoscope.stimuli.places import InArena, Pasted, Place, require_in_view

AT_A_TIME = 64
"""Observations; a network passes these through a third sooner than 256, whose activity does not stay in the cache."""


class Shown(NamedTuple):
    """Observations of consecutive images at one place.

    Attributes:
        place: index of the place.
        start: index of the first image.
        observations: (image, height, width, 3) uint8, as the agent sees them.
    """

    place: int
    start: int
    observations: np.ndarray


def present(arena: ArenaArchive, images: np.ndarray, places: Sequence[Place], size: int = AT_A_TIME) -> Iterator[Shown]:
    """Show every image at every place, in the arena's own view.

    Memory does not grow with the number of images or places.

    Args:
        arena: the agent's own.
        images: (image, height, width, 3 or 4) uint8; transparent pixels are not drawn.
        places: where; all in the arena, or all pasted.
        size: observations handed over at a time, at most.

    Raises:
        UserError: the images have another form, or a place is outside the view or too small for them.
    """
    if images.ndim != 4 or images.shape[-1] not in (3, 4) or images.dtype != np.uint8 or not images.size:
        raise UserError(
            f"images: have shape {images.shape} and type {images.dtype}; give (image, height, width, 3 or 4) uint8"
        )
    for place in places:
        require_in_view(place, arena.scenario)
    # The game engine is needed only where something is shown, and is imported only there.
    from retinoscope.stimuli.arena_presentation import empty_view, present_in_arena

    in_arena = [place for place in places if isinstance(place, InArena)]
    if in_arena:
        if len(in_arena) < len(places):
            raise UserError("places: some are in the arena and some pasted; show these in two calls")
        yield from (Shown(*each) for each in present_in_arena(arena, images, in_arena, size))
        return
    background, shape = empty_view(arena), (images.shape[1], images.shape[2])
    pasters = [Paster(background, place, shape) for place in places if isinstance(place, Pasted)]
    for number, paster in enumerate(pasters):
        for start in range(0, len(images), size):
            yield Shown(number, start, paster.paste(images[start : start + size]))

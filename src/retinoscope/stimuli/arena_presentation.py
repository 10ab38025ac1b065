"""Images shown by the engine: a still actor that runs through all of them, one per tic, before a still agent.

The archive is that of the agent's own arena, with this actor in the place of all stimuli. Perspective, palette, scaling
and light are therefore those the agent lives with. Every place is preceded by one tic without an image, whose view must
be that of the empty arena: a sequence that is out of step is noticed and not analysed.
"""

from __future__ import annotations

import io
import math
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from retinoscope.scenarios import ArenaArchive, Scenario
from retinoscope.scenarios.level import SPAWNER_THING_TYPE, level_wad
from retinoscope.scenarios.sprites import encode_sprite, sprite_name
from retinoscope.stimuli.places import InArena
from retinoscope.worlds.doom.environment import GatheringEnvironment

MOST_AT_ONCE = 5_000
"""Images in one archive: what an engine holds in its memory, however many there are in all."""

_NO_BUTTON = [False] * 4
_SETTLING_TICS = 8
_TICS_OF_RESET = 4  # that have passed in the engine when an episode begins
_MOST_TICS = 1_000_000  # of one episode, as scenarios allow
_MAPINFO = """gameinfo
{
  playerclasses = "Forager"
}
map MAP01 "Presentation"
{
  nojump
  nocrouch
  sky1 = "RSKY1"
}
"""


def empty_view(arena: ArenaArchive) -> np.ndarray:
    """What the agent sees at the start of an episode where there is no stimulus: (height, width, 3) uint8."""
    scenario = _without_change(arena.scenario)
    with _playing(scenario, _archive(scenario, np.zeros((0, 1, 1, 3), np.uint8), ())) as environment:
        return _settled(environment).copy()


def present_in_arena(
    arena: ArenaArchive, images: np.ndarray, places: Sequence[InArena], size: int
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Show every image at every place.

    Args:
        arena: the agent's own.
        images: (image, height, width, 3 or 4) uint8; drawn as tall as the arena's stimuli are.
        places: where.
        size: observations handed over at a time.

    Yields:
        Index of the place, index of the first image, and up to `size` observations of consecutive images,
        (image, *view, 3) uint8.
    """
    scenario = _without_change(arena.scenario)
    at_once = min(MOST_AT_ONCE, _MOST_TICS // (len(places) + 1) - _SETTLING_TICS)
    for start in range(0, len(images), at_once):
        part = images[start : start + at_once]
        with _playing(scenario, _archive(scenario, part, places)) as environment:
            for place, first, shown in _run_through(environment, len(part), len(places), size):
                yield place, start + first, shown


def _run_through(
    environment: _StillEnvironment, images: int, places: int, size: int
) -> Iterator[tuple[int, int, np.ndarray]]:
    empty = _settled(environment)
    for place in range(places):
        if not np.array_equal(environment.next_view(), empty):
            raise RuntimeError(f"the sequence of images is out of step before place {place}")
        for first in range(0, images, size):
            yield place, first, np.stack([environment.next_view() for _ in range(min(size, images - first))])
    if not np.array_equal(environment.next_view(), empty):
        raise RuntimeError("the sequence of images is out of step at its end")


def _settled(environment: _StillEnvironment) -> np.ndarray:
    """The view just before the tics of the sequence."""
    view, _ = environment.reset(seed=0)
    for _ in range(_SETTLING_TICS):
        view = environment.next_view()
    return view


class _StillEnvironment(GatheringEnvironment):
    """The same engine and the same area mean, without the book-keeping of an episode, which takes longer than both."""

    def next_view(self) -> np.ndarray:
        """What is seen one tic later, (height, width, 3) uint8."""
        assert self._game is not None
        self._game.make_action(_NO_BUTTON, 1)
        return self._resize(self._game.get_state().screen_buffer)


@contextmanager
def _playing(scenario: Scenario, content: bytes) -> Iterator[_StillEnvironment]:
    with tempfile.TemporaryDirectory(prefix="retinoscope-presentation-") as folder:
        path = Path(folder) / "presentation.pk3"
        path.write_bytes(content)
        environment = _StillEnvironment(ArenaArchive(path, scenario, "", ()), objects_in_view=False)
        try:
            yield environment
        finally:
            environment.close()


def _without_change(scenario: Scenario) -> Scenario:
    """The same arena, one tic a step, in which nothing harms and no time limit is near."""
    content = scenario.model_dump(mode="json")
    content["health"]["hunger"] = 0
    content |= {"frame_skip": 1, "episode_tics": _MOST_TICS}
    return Scenario.model_validate(content)


def _archive(scenario: Scenario, images: np.ndarray, places: Sequence[InArena]) -> bytes:
    entries = {
        "DECORATE": _actors(scenario, images, places).encode("ascii"),
        "MAPINFO": _MAPINFO.encode("ascii"),
        "maps/MAP01.wad": level_wad(scenario),
    }
    for index, image in enumerate(images):
        name, frame = sprite_name(index)
        entries[f"sprites/{name}{frame}0.png"] = encode_sprite(image)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _actors(scenario: Scenario, images: np.ndarray, places: Sequence[InArena]) -> str:
    player = 'actor Forager : DoomPlayer\n{\n  Player.StartItem "Fist"\n}\n'
    if not len(images):
        return f"{player}actor PresentationSequence {SPAWNER_THING_TYPE}\n{{\n  +NOINTERACTION\n}}\n"
    names = [sprite_name(index) for index in range(len(images))]
    states = "".join(f'    "{name}" {frame} 1 Bright\n' for name, frame in names)
    sequence = "".join(f"    TNT1 A 0 {_spawn(scenario, place)}\n    TNT1 A {len(images) + 1}\n" for place in places)
    # An actor is moved on in the tic that it appears in: its first state passes unseen, the second is the empty tic.
    return f"""{player}actor PresentedImage
{{
  Radius 1
  Height 16
  Scale {scenario.stimuli.size / images.shape[1]:.6f}
  +NOINTERACTION
  States
  {{
  Spawn:
    TNT1 A 2
{states}    Stop
  }}
}}
actor PresentationSequence {SPAWNER_THING_TYPE}
{{
  +NOINTERACTION
  States
  {{
  Spawn:
    TNT1 A {_SETTLING_TICS + _TICS_OF_RESET}
{sequence}    TNT1 A -1
    Stop
  }}
}}
"""


def _spawn(scenario: Scenario, place: InArena) -> str:
    angle = math.radians(place.bearing)
    x, y = place.distance * math.cos(angle), -place.distance * math.sin(angle)  # the engine's angles turn leftwards
    return (
        f'A_SpawnItemEx("PresentedImage", {x:.5f}, {y:.5f}, {scenario.stimuli.vertical_offset:g}, 0, 0, 0, 0, '
        "SXF_ABSOLUTEPOSITION | SXF_NOCHECKPOSITION)"
    )

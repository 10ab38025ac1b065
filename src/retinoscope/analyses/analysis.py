"""What an analysis is to `retinoscope analyze`: a name, a family, what it needs, and how it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from retinoscope.agents.agent import Agent
from retinoscope.analyses.receptive_field_parameters import METHODS
from retinoscope.analyses.result import Result
from retinoscope.errors import UserError
from retinoscope.statistics.raster_order import METHODS as RASTER_ORDERS
from retinoscope.statistics.raster_order import Method as RasterOrder
from retinoscope.stimuli.places import Presentation

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.scenarios import ArenaArchive

ALWAYS = "always"
"""The family of the analyses that are quick enough to run every time."""


@dataclass(frozen=True)
class Options:
    """What the user can choose for a run of all analyses; each takes from it what concerns it.

    Attributes:
        frames: decisions recorded.
        seed: of worlds, actions and stimuli.
        method: of the receptive fields.
        layers: whose receptive fields, as `conv1`, or `fc:0-3,7` for some units; none for all convolutions.
        dataset: images for the analyses that show some; None for those of the agent's own arena.
        movie_frames: decisions shown in each activation movie.
        progress: show progress bars.
        presentation: how the images of a data set are shown.
        class_effects: (class, change of health) of classes of the data set that the arena does not know.
        twin: file of a supervised twin to compare with.
        raster_order: how the units of the raster are sorted, see `RasterParameters`.
    """

    frames: int = 1000
    seed: int = 0
    method: Literal["gradient", "noise"] = "gradient"
    layers: tuple[str, ...] = ()
    dataset: str | None = None
    movie_frames: int = 1000
    progress: bool = False
    presentation: Presentation = Presentation()  # noqa: RUF009 - frozen
    class_effects: tuple[tuple[str, int], ...] = ()
    twin: str | None = None
    raster_order: RasterOrder = "cosine"

    def __post_init__(self) -> None:
        if self.frames <= 0:
            raise UserError(f"frames: {self.frames} is not a number of decisions; give one above 0")
        if self.movie_frames <= 0:
            raise UserError(f"movie_frames: {self.movie_frames} is not a number of decisions; give one above 0")
        if self.seed < 0:
            raise UserError(f"seed: {self.seed} is negative; give 0 or more")
        if self.raster_order not in RASTER_ORDERS:
            raise UserError(f"raster_order {self.raster_order!r}: unknown; choose from {', '.join(RASTER_ORDERS)}")
        if self.method not in METHODS:
            raise UserError(f"method {self.method!r}: unknown; choose from {', '.join(METHODS)}")


@dataclass(frozen=True)
class Inputs:
    """What analyses work on.

    Attributes:
        agent: whose policy is looked into.
        recording: what it saw, did and computed in `arena`.
        arena: where it plays.
        cache: a folder for what is costly and can be used again by the same run after an interruption; None for none.
    """

    agent: Agent
    recording: Recording
    arena: ArenaArchive
    cache: Path | None = None


@dataclass(frozen=True)
class Analysis:
    """One analysis.

    Attributes:
        name: the same everywhere: file, command, manifest.
        title: for people.
        family: `always`, or the value of `responses` that asks for it.
        needs: the fields of `Inputs` it looks at.
        run: calls it with what it takes from the options.
    """

    name: str
    title: str
    family: str
    needs: tuple[Literal["agent", "recording", "arena"], ...]
    run: Callable[[Inputs, Options], Result]

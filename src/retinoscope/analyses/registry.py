"""Which analyses there are: one entry each, by which `retinoscope analyze` finds and runs them.

An entry says to which family the analysis belongs, what it needs, and how it is called. A new analysis is one more
entry here and one in `report/drawings.py`; `analyze` itself does not change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from retinoscope.agents.agent import Agent
from retinoscope.analyses.receptive_field_parameters import METHODS, chosen_layers
from retinoscope.analyses.receptive_fields import receptive_fields
from retinoscope.analyses.result import Result
from retinoscope.analyses.simulation import simulation
from retinoscope.errors import UserError

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

ALWAYS = "always"
"""The family of the analyses that are quick enough to run every time."""

SIMULATED_DECISIONS = 1000
"""The most that `analyze` puts into the simulation movie; longer recordings are for other analyses."""


@dataclass(frozen=True)
class Options:
    """What the user can choose for a run of all analyses; each takes from it what concerns it.

    Attributes:
        frames: decisions recorded.
        seed: of worlds, actions and stimuli.
        method: of the receptive fields.
        layers: whose receptive fields, as `conv1`, or `fc:0-3,7` for some units; none for all convolutions.
        progress: show progress bars.
    """

    frames: int = 1000
    seed: int = 0
    method: Literal["gradient", "noise"] = "gradient"
    layers: tuple[str, ...] = ()
    progress: bool = False

    def __post_init__(self) -> None:
        if self.frames <= 0:
            raise UserError(f"frames: {self.frames} is not a number of decisions; give one above 0")
        if self.seed < 0:
            raise UserError(f"seed: {self.seed} is negative; give 0 or more")
        if self.method not in METHODS:
            raise UserError(f"method {self.method!r}: unknown; choose from {', '.join(METHODS)}")


@dataclass(frozen=True)
class Inputs:
    """What analyses work on."""

    agent: Agent
    recording: Recording


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
    needs: tuple[Literal["agent", "recording"], ...]
    run: Callable[[Inputs, Options], Result]


def _simulation(inputs: Inputs, options: Options) -> Result:
    return simulation(inputs.recording, frames=min(options.frames, SIMULATED_DECISIONS))


def _receptive_fields(inputs: Inputs, options: Options) -> Result:
    chosen = chosen_layers(options.layers)
    return receptive_fields(inputs.agent, method=options.method, seed=options.seed, progress=options.progress, **chosen)


ANALYSES: tuple[Analysis, ...] = (
    Analysis("simulation", "Simulation", ALWAYS, ("recording",), _simulation),
    Analysis("receptive_fields", "Receptive fields", ALWAYS, ("agent",), _receptive_fields),
)


def select_analyses(responses: Iterable[str] = ()) -> tuple[Analysis, ...]:
    """The analyses that always run and those of the families asked for, in the order of `ANALYSES`.

    Raises:
        UserError: there is no such family.
    """
    asked = [responses] if isinstance(responses, str) else list(responses)
    families = tuple(dict.fromkeys(each.family for each in ANALYSES if each.family != ALWAYS))
    for family in asked:
        if family not in families:
            always = " and ".join(each.title.lower() for each in ANALYSES if each.family == ALWAYS)
            choice = (
                f"choose from {', '.join(families)}"
                if families
                else f"leave it out: {always} always run, and no more is there yet"
            )
            raise UserError(f"responses {family!r}: unknown; {choice}")
    return tuple(each for each in ANALYSES if each.family == ALWAYS or each.family in asked)

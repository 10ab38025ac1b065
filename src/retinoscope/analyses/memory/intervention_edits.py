"""The edits that an intervention plays: of components or of other directions, at every dose, and of random ones."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pydantic

from retinoscope.analyses.memory.chosen_moments import CONDITIONS, Clause, clauses_of
from retinoscope.analyses.memory.directions import WORDS, Pushed, States, random_along
from retinoscope.analyses.memory.intervention_effects import UNEDITED
from retinoscope.analyses.memory.memory_components import FittedComponents
from retinoscope.errors import UserError
from retinoscope.settings import parameters, setting
from retinoscope.statistics.state_edits import (
    Reading,
    StateEdit,
    ablate,
    add,
    clamp,
    random_reading,
    reading_of,
    swap,
)

_NUMBER = re.compile(r"[+-]?\d{1,3}(\.\d{1,6})?")


@parameters("intervention")
class InterventionParameters:
    """Parameters of `intervention`."""

    do: str = setting(
        "clamp",
        "clamp (held at its mean; clamp:2 at two standard deviations above it), add:2 (moved by two of them), ablate "
        "(removed), or swap:7 (exchanged with component 7)",
    )
    component: int | None = setting(None, "its number; none for all of them", least=0)
    directions: tuple[str, ...] | None = setting(None, f"edited instead of components: {WORDS}", fewest=1)
    doses: tuple[float, ...] | None = setting(
        None,
        "doses of clamp and add, with an edit for each; none for the one that `do` says",
        units="standard deviations",
        fewest=1,
    )
    when: str | None = setting(None, f"edited only at decisions at which this holds, none for all: {CONDITIONS}")
    episodes: int = setting(
        50,
        "number of episodes of each edit, the same for all: worlds and draws depend on (seed, episode) alone",
        least=2,
    )
    random_directions: int = setting(
        4,
        "number of random directions of the same variance that each component is compared with, edited in the same way",
        least=1,
    )
    frames: int = setting(
        10_000, "recorded to find the components on, if there is no recording", units="decisions", least=1
    )
    greedy: bool = setting(False, "take the likeliest action instead of drawing one")
    episode_seed: int | None = setting(
        None,
        "seed of worlds, actions and random directions; none for one more than that of the recording on "
        "which the components were found, so that other episodes are played",
        least=0,
    )
    workers: int | None = setting(None, "processes; none for one per core", least=1)

    @pydantic.model_validator(mode="after")
    def _known_operation(self) -> InterventionParameters:
        self.operation  # noqa: B018 - refuses what is unknown
        self.clauses  # noqa: B018 - likewise
        return self

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """What has to hold; nothing if the memory is edited at every decision."""
        return () if self.when is None else clauses_of(self.when)

    @property
    def needs_states(self) -> bool:
        """Directions are asked for, to edit or to look along, that have to be found in a recording."""
        return self.directions is not None or any(each.kind == "along" for each in self.clauses)

    @property
    def operation(self) -> tuple[str, int | None, tuple[float, ...]]:
        """The name of the edit, the partner of a swap, and the doses of others."""
        name, colon, more = self.do.partition(":")
        if name in ("clamp", "ablate") and not colon and (self.doses is None or name == "clamp"):
            return name, None, self.doses or (0.0,)
        if name == "add" and not colon and self.doses is not None:
            return name, None, self.doses
        if name in ("clamp", "add") and self.doses is None and _NUMBER.fullmatch(more):
            return name, None, (float(more),)
        if name == "swap" and more.isdecimal() and self.doses is None and self.directions is None:
            return name, int(more), (0.0,)
        what = "" if self.doses is None and self.directions is None else " with these doses and directions"
        raise UserError(
            f"do {self.do!r}: unknown{what}; choose clamp, clamp:2 or add:2 with standard deviations, ablate, or "
            "swap:7 with the number of another component (doses go with clamp and add)"
        )


@dataclass(frozen=True)
class Edit:
    """One edit of the memory that is played.

    Attributes:
        name: of it.
        component: number of the component; -1 for other directions.
        is_random: along a random direction, to compare with that of the same `target`.
        explained: share of the variance of the memory along it.
        edit: of the whole layer; None for none.
        target: number of the direction.
        dose: standard deviations.
    """

    name: str
    component: int
    is_random: bool
    explained: float
    edit: StateEdit | None
    target: int = -1
    dose: float = 0.0


def component_edits(fitted: FittedComponents, chosen: InterventionParameters, seed: int) -> list[Edit]:
    """No edit, then those of components, each followed by those along its random directions."""
    components, deviations = fitted.components, fitted.deviations
    numbers = range(components.count) if chosen.component is None else [chosen.component]
    operation, partner, doses = chosen.operation
    found = [Edit(UNEDITED, -1, False, 0.0, None)]
    for number in numbers:
        if operation == "swap" and number == partner:
            if chosen.component is not None:
                raise UserError(f"do {chosen.do!r}: component {number} cannot be exchanged with itself; choose another")
            continue
        own, explained = reading_of(components, number, deviations), float(components.explained[number])
        other = None if partner is None else reading_of(components, partner, deviations)
        for dose in doses:
            edit = _edit(operation, own, other, fitted, dose)
            name = f"component {number}{_said(chosen, dose)}"
            found.append(Edit(name, number, False, explained, edit, number, dose))
        for draw in range(chosen.random_directions):
            random = np.random.default_rng((seed, number, draw))
            drawn = random_reading(components, deviations, explained, random)
            second = (
                None
                if other is None
                else random_reading(components, deviations, float(components.explained[partner]), random)
            )
            for dose in doses:
                edit = _edit(operation, drawn, second, fitted, dose)
                name = f"random {number}.{draw}{_said(chosen, dose)}"
                found.append(Edit(name, number, True, explained, edit, number, dose))
    return found


def edits_along(
    targets: list[Pushed], fitted: FittedComponents, states: States, chosen: InterventionParameters, seed: int
) -> list[Edit]:
    """The same of other directions, which are of the whole layer already."""
    operation, _, doses = chosen.operation
    found = [Edit(UNEDITED, -1, False, 0.0, None)]
    for number, each in enumerate(targets):
        drawn = [
            random_along(fitted, states, each, np.random.default_rng((seed, number, draw)))
            for draw in range(chosen.random_directions)
        ]
        readings = [(each.name, False, each.reading)]
        readings += [(f"random {number}.{draw}", True, reading) for draw, reading in enumerate(drawn)]
        component = each.number if each.kind == "component" else -1
        for name, is_random, reading in readings:
            for dose in doses:
                edit = _of_reading(operation, reading, dose)
                said = f"{name}{_said(chosen, dose)}"
                found.append(Edit(said, component, is_random, each.explained, edit, number, dose))
    return found


def _said(chosen: InterventionParameters, dose: float) -> str:
    return "" if chosen.doses is None else f" {dose:+g}"


def _of_reading(operation: str, reading: Reading, dose: float) -> StateEdit:
    if operation == "ablate":
        return ablate(reading)
    return add(reading, dose) if operation == "add" else clamp(reading, dose)


def _edit(
    operation: str, own: Reading, other: Reading | None, fitted: FittedComponents, dose: float = 0.0
) -> StateEdit:
    """The edit of the whole layer, units that were left out included."""
    edit = swap(own, other) if operation == "swap" and other is not None else _of_reading(operation, own, dose)
    matrix = np.eye(fitted.units_of_state)
    matrix[np.ix_(fitted.units, fitted.units)] = edit.matrix
    return StateEdit(matrix, fitted.full(edit.offset))

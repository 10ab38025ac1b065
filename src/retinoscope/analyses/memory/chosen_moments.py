"""Moments chosen by a condition on what is known when a decision is made, for a memory that is pushed in play.

    fuel < 50                       a number that the world declares; also `position x`
    step >= 100                     decisions since the episode began
    component:3 > 1, unit:12 < -1   the memory along a direction, standard deviations from its mean
    after punished 0-20             decisions since something happened: 0 is the first that sees what came of it
    in view rewarded                an object; `in view rewarded < 200`: the nearest one nearer than that
    not in view key and fuel < 50   several, all of which hold

Good and bad events, and objects, go together under the world's own words for them (`Words.positive` and `negative`).

A text is cut into words and compared with what there is; nothing of it is executed.
"""

from __future__ import annotations

import operator
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError
from retinoscope.settings import nearest
from retinoscope.statistics.state_edits import Reading

if TYPE_CHECKING:
    from retinoscope.rollouts.evaluation import Life
    from retinoscope.worlds.declaration import Declaration

CONDITIONS = (
    "NAME < 50 (a number of the world, or step), component:3 > 1 (or another direction, standard deviations), "
    "after EVENT 0-20 (decisions), in view KIND, not before any of these, and between them"
)
STEP = "step"
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
_SPAN = re.compile(r"(\d{1,9})-(\d{1,9})")
_DIRECTION = re.compile(r"(component|unit|decoder|moments|file):.+")


@dataclass(frozen=True)
class Clause:
    """One of the conditions, as it was written.

    Attributes:
        kind: `number`, `along`, `after` or `in view`.
        name: of the number, direction, event or kind of object.
        comparison: `<` and so on; empty for none.
        limit: what is compared with.
        span: first and last decision since the event.
        is_negated: `not` stands before it.
    """

    kind: str
    name: str
    comparison: str = ""
    limit: float = 0.0
    span: tuple[int, int] = (0, 0)
    is_negated: bool = False


def clauses_of(text: str) -> tuple[Clause, ...]:
    """The conditions in a text, not yet looked up in any world.

    Raises:
        UserError: it cannot be read.
    """
    words = shlex.shlex(text, posix=True, punctuation_chars="<>=!")
    words.whitespace_split, words.commenters, words.quotes, words.escape = True, "", '"', ""
    try:
        found: list[list[str]] = [[]]
        for word in words:
            if word == "and":
                found.append([])
            else:
                found[-1].append(word)
    except ValueError:
        raise _unread(text, 'a quotation mark " is open') from None
    return tuple(_clause(text, each) for each in found)


def _clause(text: str, words: list[str]) -> Clause:
    if words[:1] == ["not"]:
        other = _clause(text, words[1:])
        return replace(other, is_negated=not other.is_negated)
    comparison, limit = "", 0.0
    signs = [place for place, word in enumerate(words) if word and not word.strip("<>=!")]
    if signs:
        place = signs[0]
        comparison, rest, words = words[place], words[place + 1 :], words[:place]
        if comparison not in _OPERATORS or len(rest) != 1:
            raise _unread(text, f"{' '.join([*words, comparison, *rest])!r} compares with no number")
        try:
            limit = float(rest[0])
        except ValueError:
            raise _unread(text, f"{rest[0]!r} is no number") from None
        if not np.isfinite(limit):
            raise _unread(text, f"{rest[0]!r} is no number")
    if words[:2] == ["in", "view"] and len(words) > 2:
        return Clause("in view", " ".join(words[2:]), comparison, limit)
    if words[:1] == ["after"] and len(words) > 2 and not comparison and (span := _SPAN.fullmatch(words[-1])):
        first, last = int(span.group(1)), int(span.group(2))
        if first > last:
            raise _unread(text, f"{words[-1]!r} ends before it begins")
        return Clause("after", " ".join(words[1:-1]), span=(first, last))
    name = " ".join(words)
    if not name or not comparison:
        raise _unread(text, f"{name!r} is no condition" if name else "a condition is empty")
    return Clause("along" if _DIRECTION.fullmatch(name) else "number", name, comparison, limit)


def _unread(text: str, why: str) -> UserError:
    return UserError(f"when {text!r}: {why}; write {CONDITIONS}")


@dataclass(frozen=True)
class Moments:
    """A condition that can be asked of a decision in a world.

    Attributes:
        text: as it was written.
        tests: (clause, what it is about): the place of a number (name of the variable, index), the numbers of events or
            of kinds of objects, or a direction (None as long as that is not known, see `along`).
    """

    text: str
    tests: tuple[tuple[Clause, Any], ...]

    def along(self, direction: Callable[[str], Reading]) -> Moments:
        """The same, once it is known what the words for directions in it mean."""
        tests = ((each, direction(each.name) if each.kind == "along" else about) for each, about in self.tests)
        return Moments(self.text, tuple(tests))

    @property
    def needs_objects(self) -> bool:
        """It is about what is in view."""
        return any(clause.kind == "in view" for clause, _ in self.tests)

    def hold(self, lives: Sequence[Life], activity: NDArray[np.floating]) -> NDArray[np.bool_]:
        """(life,) whether all of it holds at the decision that each of them is about to make.

        Args:
            lives: that are played.
            activity: (life, unit) of their memory before anything is done to it.
        """
        found = np.ones(len(lives), bool)
        for clause, about in self.tests:
            if clause.kind == "along":
                each = _compared(clause, (activity - about.mean) @ about.direction)
            else:
                each = np.array([_holds(clause, about, life) for life in lives], bool)
            found &= ~each if clause.is_negated else each
        return found


def moments_of(text: str, world: Declaration) -> Moments:
    """A condition in a world, in which no direction is known yet.

    Args:
        text: see `CONDITIONS`.
        world: whose numbers, events and objects are meant.

    Raises:
        UserError: it cannot be read, or the world has nothing of a name in it.
    """
    return Moments(text, tuple((each, _about(text, each, world)) for each in clauses_of(text)))


def _about(text: str, clause: Clause, world: Declaration) -> Any:
    if clause.kind == "along":
        return None
    if clause.kind == "number":
        places: dict[str, tuple[str, int]] = {STEP: ("", 0)}
        for variable in world.variables:
            names = [f"{variable.name} {label}" for label in variable.labels] or [variable.name]
            places |= {name: (variable.name, index) for index, name in enumerate(names)}
        return places[_known(text, clause, world, "number", places)]
    words = (world.words.positive, world.words.negative)
    if clause.kind == "after":
        names = [each.name for each in world.events]
        return _members(text, clause, world, "event", names, words, [each.valence for each in world.events])
    if world.object_classes is None:
        raise UserError(f"when {text!r}: world {world.name!r} does not list what is in view; choose another condition")
    return _members(text, clause, world, "kind of object", list(world.object_classes), words, world.object_valences)


def _members(
    text: str,
    clause: Clause,
    world: Declaration,
    what: str,
    names: list[str],
    words: tuple[str, str],
    valences: Sequence[float | None],
) -> frozenset[int]:
    """Numbers of the one of that name, or of all good or bad ones under the world's words for them."""
    groups = {
        word: frozenset(number for number, each in enumerate(valences) if each is not None and each * sign > 0)
        for word, sign in zip(words, (1, -1), strict=True)
    }
    known = {word: members for word, members in groups.items() if members}
    known |= {name: frozenset([number]) for number, name in enumerate(names)}
    return known[_known(text, clause, world, what, known)]


def _known(text: str, clause: Clause, world: Declaration, what: str, names: Iterable[str]) -> str:
    names = list(names)
    if clause.name not in names:
        raise UserError(
            f"when {text!r}: world {world.name!r} has no {what} {clause.name!r}; {nearest(clause.name, names)}"
        )
    return clause.name


def _holds(clause: Clause, about: Any, life: Life) -> bool:
    if clause.kind == "number":
        name, index = about
        value = life.decisions if not name else np.ravel(life.world.variables(life.environment, life.info)[name])[index]
        return bool(_compared(clause, np.float64(value)))
    if clause.kind == "after":
        first, last = clause.span
        return any(first <= life.since[each] <= last for each in about)
    there = [each for each in life.world.objects(life.environment, life.info) if int(each["class_index"]) in about]
    if not clause.comparison:
        return bool(there)
    return bool(there) and bool(_compared(clause, np.float64(min(each["distance"] for each in there))))


def _compared(clause: Clause, values: Any) -> Any:
    return _OPERATORS[clause.comparison](values, clause.limit)

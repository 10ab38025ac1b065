"""Any Gymnasium environment whose observation is a picture, as a world."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import cloudpickle
import gymnasium
import numpy as np

from retinoscope.errors import UserError, said
from retinoscope.worlds.declaration import Actions, Declaration, Endings, Event, Variable, Words
from retinoscope.worlds.gymnasium_actions import Chooser, chooser_of
from retinoscope.worlds.gymnasium_identity import Trial, tried
from retinoscope.worlds.gymnasium_pictures import Pictures, pictures_of
from retinoscope.worlds.world import World

Environment = gymnasium.Env[Any, Any]
ReadVariable = str | Callable[[Environment, Mapping[str, Any]], Any]
"""A key of `info`, or a function of the environment and `info`."""
ReadEvent = str | Callable[[Environment, Mapping[str, Any], float], Any]
"""A key of `info`, or a function of the environment, `info` and the reward, to how often it happened in this step."""


def _is_rewarded(environment: Environment, info: Mapping[str, Any], reward: float) -> bool:
    return reward > 0


def _is_punished(environment: Environment, info: Mapping[str, Any], reward: float) -> bool:
    return reward < 0


REWARDS: dict[str | Event, ReadEvent] = {Event("reward", 1.0): _is_rewarded, Event("punishment", -1.0): _is_punished}
"""The events of a world that declares none: the sign of the reward."""


def gymnasium_world(
    make: Callable[..., Environment],
    *,
    name: str = "",
    variables: Mapping[str | Variable, ReadVariable] | None = None,
    events: Mapping[str | Event, ReadEvent] | None = None,
    words: Words | None = None,
    endings: Endings | None = None,
    seconds_per_decision: float | None = None,
    frames: int | None = None,
) -> GymnasiumWorld:
    """A world of any Gymnasium environment whose observation is a picture.

    Two environments are made and played for some steps at once, to see what there is, and whether the same seed shows
    the same again. Observations may be uint8 or float, grey or colour, with channels first or last, and stacked; they
    become (height, width, channel), and floats are stretched from the bounds of their space to 0 to 255.

    Args:
        make: makes the environment as the agent lives in it, with all its wrappers; called without arguments, or with
            `render_mode="human"` if it takes that and a person watches. Other processes call it, too.
        name: for titles and messages; that of the environment's specification if left out.
        variables: what to record at the time of every observation: from a name, or a `Variable` that also says units
            and labels, to a key of `info` or a function (environment, info) -> number or vector of numbers.
        events: what to count between observations: from a name, or an `Event` that also says its valence, to a key of
            `info` or a function (environment, info, reward) -> how often. None for rewards above and below 0.
        words: what people call good and bad events.
        endings: what it means that an episode ends.
        seconds_per_decision: in the world's own time, if that means anything.
        frames: how many are stacked in an observation, where that cannot be seen.

    Raises:
        UserError: no environment can be made, its observation is no picture, its actions are of a kind that is not
            supported, or a variable or event cannot be read.
    """
    return GymnasiumWorld(
        make,
        name,
        dict(variables or {}),
        dict(REWARDS if events is None else events),
        words or Words(),
        endings or Endings(),
        seconds_per_decision,
        frames,
    )


class GymnasiumWorld(World):
    """A world of a Gymnasium environment; made by `gymnasium_world`."""

    def __init__(
        self,
        make: Callable[..., Environment],
        name: str,
        variables: dict[str | Variable, ReadVariable],
        events: dict[str | Event, ReadEvent],
        words: Words,
        endings: Endings,
        seconds_per_decision: float | None,
        frames: int | None,
    ) -> None:
        self._make = make
        environment = self._made(name or "environment")
        try:
            spec = environment.spec
            self._name = name or (spec.id if spec is not None else type(environment.unwrapped).__name__)
            self.decisions_at_most = None if spec is None else spec.max_episode_steps
            self._pictures: Pictures = pictures_of(environment, self._name, frames)
            self._chooser: Chooser = chooser_of(environment, self._name)
        finally:
            environment.close()
        self._read_variables = {_named(each, Variable): read for each, read in variables.items()}
        self._read_events = {_named(each, Event): read for each, read in events.items()}
        # Stands in until the variables have been read once: their shapes are seen then.
        self.declaration = self._declared("", "", words, endings, seconds_per_decision, True)
        trial = self._tried()
        self._read_variables = {
            _with_labels(each, trial.variables[each.name]): read for each, read in self._read_variables.items()
        }
        self.declaration = self._declared(
            trial.sha256, trial.source, words, endings, seconds_per_decision, trial.repeats_itself
        )

    def environment(self, *, objects_in_view: bool = True, window: bool = False) -> Environment:
        arguments: dict[str, Any] = {}
        if window:
            if "render_mode" not in inspect.signature(self._make).parameters:
                raise UserError(
                    f"world {self._name!r}: has no window; give make a parameter render_mode, or write a "
                    "movie with --out"
                )
            arguments["render_mode"] = "human"
        return self._pictures.shown_by(self._made(self._name, **arguments))

    def action(self, chosen: np.ndarray) -> Any:
        return self._chooser.action(chosen)

    def variables(self, environment: Environment, info: Mapping[str, Any]) -> Mapping[str, Any]:
        values = {}
        for variable, read in self._read_variables.items():
            found = self._read(f"variable {variable.name!r}", read, info, environment, info)
            values[variable.name] = _numbers(found, variable, self._name)
        return values

    def events(self, environment: Environment, info: Mapping[str, Any], reward: float) -> np.ndarray:
        return np.array(
            [
                self._count(event, self._read(f"event {event.name!r}", read, info, environment, info, reward))
                for event, read in self._read_events.items()
            ],
            np.int64,
        )

    def _made(self, name: str, **arguments: Any) -> Environment:
        try:
            environment = self._make(**arguments)
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"world {name!r}: its environment cannot be made: {said(error)}") from error
        if not isinstance(environment, gymnasium.Env):
            raise UserError(
                f"world {name!r}: make returns a {type(environment).__name__}; it must return a Gymnasium environment"
            )
        return environment

    def _read(self, what: str, read: Any, info: Mapping[str, Any], *arguments: Any) -> Any:
        if isinstance(read, str):
            if read not in info:
                has = ", ".join(map(str, info)) or "nothing"
                also = "; reset has to give it, too" if what.startswith("variable") else ""
                raise UserError(f"world {self._name!r}: {what}: info has no {read!r}; it has {has}{also}")
            return info[read]
        try:
            return read(*arguments)
        except Exception as error:
            raise UserError(f"world {self._name!r}: {what} cannot be read: {said(error)}") from error

    def _count(self, event: Event, found: Any) -> int:
        count = np.asarray(found)
        if count.shape != () or count.dtype.kind not in "buif" or not 0 <= count <= 255 or count != int(count):
            raise UserError(
                f"world {self._name!r}: event {event.name!r} is {found!r}; it must be how often it happened, 0 to 255"
            )
        return int(count)

    def _tried(self) -> Trial:
        return tried(self, f"{type(self).__name__} {self._name}")

    def _declared(
        self,
        sha256: str,
        source: str,
        words: Words,
        endings: Endings,
        seconds_per_decision: float | None,
        repeats_itself: bool,
    ) -> Declaration:
        again = (
            "does not show the same again for the same seed and actions: a recording of it cannot be made a second time"
        )
        actions: tuple[Actions, ...] = self._chooser.heads
        return Declaration(
            name=self._name,
            sha256=sha256,
            source=source,
            picture=self._pictures.picture,
            actions=actions,
            seconds_per_decision=seconds_per_decision,
            variables=tuple(self._read_variables),
            events=tuple(self._read_events),
            words=words,
            endings=endings,
            repeats_itself=repeats_itself,
            notes=() if repeats_itself else (again,),
        )

    def __getstate__(self) -> bytes:
        """Functions of a notebook or script travel by value."""
        return cloudpickle.dumps(self.__dict__)

    def __setstate__(self, state: bytes) -> None:
        self.__dict__.update(cloudpickle.loads(state))


def _named(given: Any, kind: type[Any]) -> Any:
    return given if isinstance(given, kind) else kind(str(given))


def _with_labels(variable: Variable, value: np.ndarray) -> Variable:
    """The variable with a label for each of its numbers."""
    if variable.labels or value.ndim == 0:
        return variable
    return dataclasses.replace(variable, labels=tuple(map(str, range(len(value)))))


def _numbers(found: Any, variable: Variable, name: str) -> np.ndarray:
    value = np.asarray(found)
    if value.dtype.kind not in "buif" or value.ndim > 1 or (variable.labels and value.shape != variable.shape):
        wanted = f"{len(variable.labels)} numbers" if variable.labels else "a number, or a vector of numbers"
        raise UserError(
            f"world {name!r}: variable {variable.name!r} is {value.dtype} of shape {value.shape}; it must be {wanted}"
        )
    return value.astype(np.float32)

"""A process that plays some of the environments: takes actions from shared memory and puts there what came of them.

It imports no torch, so that it starts quickly and stays small.
"""

from __future__ import annotations

import contextlib
import signal
import traceback
from ctypes import Array, c_uint8
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from retinoscope.errors import UserError
from retinoscope.rollouts.table import OBJECT, Column, table_of
from retinoscope.worlds.seeds import world_seed
from retinoscope.worlds.world import World

DONE, FAILED, REFUSED = b".", b"!", b"?"
"""First byte of a worker's message. After it come the objects in view, a traceback, or the text of a user error."""


@dataclass(frozen=True)
class Start:
    """Where an environment begins: an episode's start, or its middle, reached by playing the actions again.

    Attributes:
        episode: number of the episode.
        actions: (decision, head) int8 or (decision, number) float32, what was done in it so far.
        last_observation: what was seen before the last of the actions, to check that the world repeats itself.
    """

    episode: int = 0
    actions: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.int8))
    last_observation: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint8))


@dataclass(frozen=True)
class WorkerTask:
    """What a worker is given.

    Attributes:
        world: to play in.
        seed: of the recording.
        columns: layout of the shared memory, one row per environment.
        environments: number of rows.
        groups: for each group, the environments that this worker plays.
        starts: of those environments.
        first: what is added to an environment's number where its episodes are seeded.
    """

    world: World
    seed: int
    columns: tuple[Column, ...]
    environments: int
    groups: tuple[tuple[int, ...], ...]
    starts: dict[int, Start]
    first: int = 0


def run_worker(connection: Connection, memory: Array[c_uint8], task: WorkerTask) -> None:
    """Play until the other end of the connection closes, which it also does when its process is killed.

    A message, the group's number in four bytes, asks for one decision in each environment of the group. The answer is
    `DONE` and the objects in view of those environments, one after the other.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what to do
    players: list[_Player] = []
    try:
        table = table_of(memory, task.columns, task.environments)
        for environment in sorted(task.starts):
            players.append(_Player(environment, task, table))
        by_number = {player.number: player for player in players}
        for group in filter(None, task.groups):  # of an empty share nothing is expected
            connection.send_bytes(DONE + b"".join(by_number[number].start(task.starts[number]) for number in group))
        while True:
            group = task.groups[int.from_bytes(connection.recv_bytes())]
            connection.send_bytes(DONE + b"".join(by_number[number].step() for number in group))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except UserError as error:
        _tell(connection, REFUSED + str(error).encode())
    except Exception:
        _tell(connection, FAILED + traceback.format_exc().encode())
    finally:
        for player in players:
            player.close()


def _tell(connection: Connection, message: bytes) -> None:
    with contextlib.suppress(OSError):  # nobody is left to be told
        connection.send_bytes(message)


class _Player:
    """One environment and its row of the table."""

    def __init__(self, number: int, task: WorkerTask, table: dict[str, np.ndarray]) -> None:
        self.number = number
        self._seeded_as = task.first + number
        self._seed = task.seed
        self._row = {name: values[number : number + 1] for name, values in table.items()}
        self._world = task.world
        self._environment = task.world.environment()
        self._variables = tuple(each.name for each in task.world.declaration.variables)
        self._episode = self._step = 0

    def start(self, start: Start) -> bytes:
        found = self._begin(start.episode)
        for decisions_left, action in zip(range(len(start.actions) - 1, -1, -1), start.actions, strict=True):
            if decisions_left == 0 and not np.array_equal(self._row["observation"][0], start.last_observation):
                raise UserError(
                    f"world {self._world.declaration.name!r}: does not show again what was recorded (another "
                    "version?); record to a new path"
                )
            self._row["action"][0] = action
            found = self.step()
        return found

    def step(self) -> bytes:
        """Act, note what followed, and then the moment of the next decision, in a new episode if this one ended."""
        row = self._row
        action = self._world.action(row["action"][0])
        observation, reward, terminated, truncated, info = self._environment.step(action)
        row["reward"][0], row["terminated"][0], row["truncated"][0] = reward, terminated, truncated
        row["events"][0] = self._world.events(self._environment, info, float(reward))
        if terminated or truncated:
            return self._begin(self._episode + 1)
        self._step += 1
        return self._note(observation, info)

    def close(self) -> None:
        self._environment.close()

    def _begin(self, episode: int) -> bytes:
        self._episode, self._step = episode, 0
        return self._note(*self._environment.reset(seed=world_seed(self._seed, self._seeded_as, episode)))

    def _note(self, observation: np.ndarray, info: dict[str, Any]) -> bytes:
        row = self._row
        row["observation"][0] = observation
        row["episode"][0], row["step"][0] = self._episode, self._step
        values = self._world.variables(self._environment, info)
        for name in self._variables:
            row[name][0] = values[name]
        objects = self._world.objects(self._environment, info)
        row["object_count"][0] = len(objects)
        found = np.empty(len(objects), OBJECT)
        if objects:
            for name in OBJECT.fields or ():
                found[name] = [each[name] for each in objects]
        return found.tobytes()

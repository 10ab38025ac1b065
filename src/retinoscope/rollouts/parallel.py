"""Environments in other processes, in groups that are stepped in turn while the policy works on another group."""

from __future__ import annotations

import contextlib
import multiprocessing
from ctypes import c_uint8
from multiprocessing.connection import Connection

import numpy as np

from retinoscope.errors import UserError
from retinoscope.rollouts.table import OBJECT, action_column, following_columns, memory_size, moment_columns, table_of
from retinoscope.rollouts.worker import DONE, REFUSED, Start, WorkerTask, run_worker
from retinoscope.scale.spawning import nothing_to_import_again
from retinoscope.worlds.world import World

_SECONDS_TO_CLOSE = 10.0


class ParallelEnvironments:
    """Environments that play in worker processes and start the next episode by themselves. Use in a `with` block.

    For each group in turn: `receive` its observations, write its actions into `table["action"]`, `send`. While a
    group is between `send` and `receive`, its rows of the table belong to the workers.

    The processes are spawned, not forked (a fork would copy torch's threads in an unknown state), and end when this
    one does, however it does: each of them reads from a pipe whose other end only this process holds.

    Args:
        world: to play in.
        seed: episode k of environment e is seeded from (seed, e, k).
        groups: which environments, numbered from 0, belong to each group.
        workers: how many processes; each gets its share of every group.
        starts: where each environment begins; by default at its first episode.
        first: what is added to an environment's number where its episodes are seeded.

    Attributes:
        table: (environment, ...) arrays in shared memory: the columns of the moment (`observation`, variables, ...),
            `action`, and the columns of what followed the last action (`reward`, `terminated`, ...).
    """

    def __init__(
        self,
        world: World,
        seed: int,
        groups: tuple[range, ...],
        workers: int,
        starts: dict[int, Start] | None = None,
        first: int = 0,
    ) -> None:
        environments = sum(map(len, groups))
        starts = starts or {number: Start() for number in range(environments)}
        declared = world.declaration
        columns = (*moment_columns(declared), action_column(declared), *following_columns(declared))
        spawn = multiprocessing.get_context("spawn")
        memory = spawn.RawArray(c_uint8, memory_size(columns, environments))
        self.table = table_of(memory, columns, environments)
        self._groups = groups
        self._shares = [tuple(tuple(group[worker::workers]) for group in groups) for worker in range(workers)]
        self._connections: list[Connection] = []
        self._processes: list[multiprocessing.process.BaseProcess] = []
        try:
            for number, share in enumerate(self._shares):
                mine = {environment: starts[environment] for group in share for environment in group}
                task = WorkerTask(world, seed, columns, environments, share, mine, first)
                ours, theirs = spawn.Pipe()
                self._connections.append(ours)
                process = spawn.Process(
                    target=run_worker, args=(theirs, memory, task), name=f"environments-{number}", daemon=True
                )
                with nothing_to_import_again():
                    process.start()
                self._processes.append(process)
                theirs.close()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> ParallelEnvironments:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, group: int) -> None:
        """Have the group's environments do what stands in their rows of `table["action"]`."""
        for connection, share in zip(self._connections, self._shares, strict=True):
            if share[group]:
                with contextlib.suppress(OSError):  # that worker has failed; `receive` says why
                    connection.send_bytes(group.to_bytes(4))

    def receive(self, group: int) -> dict[int, np.ndarray]:
        """Wait until the group's rows of the table are filled; returns the objects in view per environment, `OBJECT`.

        Raises:
            UserError: the world did not repeat what `starts` says was seen, or cannot be played.
            RuntimeError: a worker failed; the message holds its traceback.
        """
        found: dict[int, np.ndarray] = {}
        for connection, share in zip(self._connections, self._shares, strict=True):
            if not share[group]:
                continue
            try:
                message = connection.recv_bytes()
            except (EOFError, ConnectionResetError):
                raise RuntimeError("a process that plays the environments ended unexpectedly") from None
            kind, content = message[:1], message[1:]
            if kind == REFUSED:
                raise UserError(content.decode())
            if kind != DONE:
                raise RuntimeError(f"a process that plays the environments failed:\n{content.decode()}")
            objects, start = np.frombuffer(content, OBJECT), 0
            for environment in share[group]:
                stop = start + int(self.table["object_count"][environment])
                found[environment] = objects[start:stop]
                start = stop
        return found

    def close(self) -> None:
        """End the processes and their environments."""
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            process.join(_SECONDS_TO_CLOSE)
            if process.is_alive():
                process.kill()
                process.join()
        self._connections, self._processes = [], []

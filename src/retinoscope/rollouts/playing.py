"""Playing for a recording: groups of environments in other processes take turns with one batched policy here."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from retinoscope.agents.policy import Policy, inference
from retinoscope.errors import UserError
from retinoscope.progress import progress_bar
from retinoscope.rollouts.chance import ActionSampler
from retinoscope.rollouts.parallel import ParallelEnvironments
from retinoscope.rollouts.parts import PART, default_batch
from retinoscope.rollouts.replay import TOLERANCE
from retinoscope.rollouts.schema import vector_layers
from retinoscope.rollouts.store import Block, EpisodeStore
from retinoscope.rollouts.table import following_columns, moment_columns
from retinoscope.rollouts.worker import Start
from retinoscope.worlds.world import World

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass
class _Group:
    """Environments that are stepped and decided for together, and the recurrent state that enters their next row."""

    number: int
    members: range
    state: torch.Tensor

    @property
    def rows(self) -> slice:
        return slice(self.members.start, self.members.stop)


class Player:
    """Groups of environments take turns: while the policy decides for one, the worlds play the others."""

    def __init__(self, store: EpisodeStore, policy: Policy, world: World, workers: int) -> None:
        self._store = store
        self._policy = policy
        self._world = world
        self._workers = min(workers, store.environments)
        self._layers = [layer.name for layer in vector_layers(policy)]
        self._moment = [column.name for column in moment_columns(world.declaration)]
        self._following = [column.name for column in following_columns(world.declaration)]
        self._seed = int(store.attributes["seed"])
        self._sampler = ActionSampler(self._seed, policy.action_heads, bool(store.attributes["greedy"]))
        part = store.attributes.get(PART)
        self._first: int = part["first_environment"] if part else 0
        everywhere = part["of_environments"] if part else store.environments
        # The groups do not depend on what part this is: batches of another size differ in the last digits.
        batch, last = int(store.attributes.get("batch", default_batch(everywhere))), store.environments
        members = [range(first, min(first + batch, last)) for first in range(0, last, batch)]
        self._groups = [_Group(number, each, policy.initial_state(len(each))) for number, each in enumerate(members)]
        self._blocks: dict[int, Block] = {}

    def run(self, steps: int, progress: bool) -> None:
        """Record until every environment has `steps` rows."""
        environments, first = self._store.environments, self._store.steps
        members = tuple(group.members for group in self._groups)
        starts = {number: self._start_of(number) for number in range(environments)}
        with full_disk_explained(self._store.path):
            self._store.make_room(steps)
        with (
            inference(),
            progress_bar("frames", (steps - first) * environments, progress) as advance,
            ThreadPoolExecutor(1) as writer,
            ParallelEnvironments(self._world, self._seed, members, self._workers, starts, first=self._first) as played,
        ):
            self._restore_states()
            with self._policy.capture(*self._layers) as activity:
                self._play(played, activity, writer, steps, advance)

    def _play(
        self,
        played: ParallelEnvironments,
        activity: dict[str, torch.Tensor],
        writer: ThreadPoolExecutor,
        steps: int,
        advance: Callable[[float], None],
    ) -> None:
        written: Future[None] | None = None
        first = self._store.steps
        for step in range(first, steps + 1):
            for group in self._groups:
                objects = played.receive(group.number)
                if step > first:
                    self._close_row(group, step - 1, played.table)
                if step < steps:
                    self._open_row(group, step, played.table, objects, activity)
                    played.send(group.number)
            if step > first:
                advance(self._store.environments)
            if step > first and (step % self._store.block_steps == 0 or step == steps):
                if written is not None:
                    written.result()  # at most one block waits, so that memory is bounded
                written = writer.submit(self._append, self._blocks.pop((step - 1) // self._store.block_steps), step)
        if written is not None:
            written.result()

    def _open_row(
        self,
        group: _Group,
        step: int,
        table: dict[str, np.ndarray],
        objects: dict[int, np.ndarray],
        activity: dict[str, torch.Tensor],
    ) -> None:
        """Store this moment, decide, and store the decision; the actions are left in the table."""
        block, index = self._block_of(step)
        row = {name: values[group.rows, index] for name, values in block.columns.items()}
        for name in self._moment:
            row[name][:] = table[name][group.rows]
        for number, found in objects.items():
            block.objects[number][index] = found
        is_new = torch.from_numpy(row["step"] == 0)  # a new episode remembers nothing of the one before
        if is_new.any():
            group.state[is_new] = self._policy.initial_state(int(is_new.sum()))
        if self._policy.state_size:
            row["state_entering"][:] = group.state.cpu().numpy()
        logits, value, group.state = self._decide(table["observation"][group.rows], group.state)
        row["logits"][:], row["value"][:] = logits, value
        for name in self._layers:
            row[name][:] = activity[name].cpu().numpy()
        row["action"][:] = self._sampler.draw(row["logits"], self._everywhere(group.members), row["episode"])
        table["action"][group.rows] = row["action"]

    def _close_row(self, group: _Group, step: int, table: dict[str, np.ndarray]) -> None:
        """Store what followed the row's decision."""
        block, index = self._block_of(step)
        for name in self._following:
            block.columns[name][group.rows, index] = table[name][group.rows]

    def _decide(self, observations: np.ndarray, state: torch.Tensor) -> tuple[np.ndarray, np.ndarray, torch.Tensor]:
        pixels = torch.from_numpy(observations).to(self._policy.device)
        logits, value, leaving = self._policy.step(pixels, state)
        # A copy: the state is set to zero in place, and what the policy returned may be what it also captured.
        return logits.cpu().numpy(), value.cpu().numpy(), leaving.clone()

    def _block_of(self, step: int) -> tuple[Block, int]:
        number, index = divmod(step, self._store.block_steps)
        if number not in self._blocks:
            self._blocks[number] = self._store.new_block(number)
        return self._blocks[number], index

    def _append(self, block: Block, steps: int) -> None:
        with full_disk_explained(self._store.path):
            self._store.append(block, steps)

    def _start_of(self, environment: int) -> Start:
        """Where an environment goes on: it cannot be stored, so its episode is played again to that place.

        A world that does not repeat itself cannot come back to that place, and goes on with the next episode.
        """
        stop = self._store.steps
        if stop == 0:
            return Start()
        last = {
            name: self._store.read(name, environment, stop - 1, stop)[0]
            for name in ("episode", "step", "terminated", "truncated", "observation")
        }
        episode, decisions = int(last["episode"]), int(last["step"]) + 1
        if last["terminated"] or last["truncated"] or not self._world.declaration.repeats_itself:
            return Start(episode + 1)
        self._sampler.skip(self._first + environment, episode, decisions)
        actions = self._store.read("action", environment, stop - decisions, stop)
        return Start(episode, actions, last["observation"])

    def _restore_states(self) -> None:
        """Run the last rows again, in the same batches, for the states that left them."""
        stop = self._store.steps
        if stop == 0:
            return
        for group in self._groups:
            last = {name: self._read_last(name, group) for name in ("observation", "logits")}
            if self._policy.state_size:
                group.state = torch.from_numpy(self._read_last("state_entering", group)).to(self._policy.device)
            logits, _, group.state = self._decide(last["observation"], group.state)
            if not np.allclose(logits, last["logits"], rtol=TOLERANCE, atol=TOLERANCE):
                raise UserError(
                    f"{self._store.path}: holds the decisions of another network; choose another path or the same agent"
                )

    def _everywhere(self, members: range) -> range:
        """Numbers of environments among those of all parts."""
        return range(self._first + members.start, self._first + members.stop)

    def _read_last(self, name: str, group: _Group) -> np.ndarray:
        stop = self._store.steps
        return np.concatenate([self._store.read(name, number, stop - 1, stop) for number in group.members])


@contextmanager
def full_disk_explained(path: Path) -> Iterator[None]:
    """Turn the system's error into one for the user.

    Raises:
        UserError: the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        recorded = f"{EpisodeStore(path).rows:,} frames recorded so far stay readable; " if path.is_dir() else ""
        raise UserError(
            f"{path}: no disk space left while recording; {recorded}free some and record again to go on"
        ) from None

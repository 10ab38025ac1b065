"""Tuning and what is remembered: 100,000 decisions within minutes and 1.5 GB, and shifts against a loop over units.

The recording is planted: frames of 60 x 80 in three colours, an encoder's 128 units and a memory's 64 that change
slowly, a place, a heading, a number, objects in view and actions. It lies in files, as an episode store does; the
untrained network is one of this package, driven along all frames. Each analysis runs in a process of its own, which
prints processor and wall time and the most memory it ever held, all of them included: torch, the untrained network, the
frames. Given are the Results that a run of `analyze` has at hand: the burn-in and the components.

The ratio is that of the level of chance: sums over bins after circular shifts, as `statistics/tuning.py` makes them,
against numpy's own histogram for every unit and every shift. Both sides give the same numbers, which is checked.

Usage: python benchmarks/memory.py [DECISIONS]
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray

from retinoscope.agents.actor_critic import ActorCriticPolicy
from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.analyses.memory.fitted_components import fitted_components
from retinoscope.analyses.memory.memory_decoding import memory_decoding
from retinoscope.analyses.memory.tuning import tuning
from retinoscope.rollouts import ArrayRecording
from retinoscope.statistics.tuning import rotation
from retinoscope.statistics.tuning import tuning as tuned
from retinoscope.worlds.declaration import Actions, Declaration, Picture, Variable

DECISIONS, EPISODE = 100_000, 500
MINUTES = {"tuning": 2, "memory_decoding": 5}
MOST_BYTES = 1_500_000_000
LAYERS = {"fc": 128, "rnn": 64}
SHIFTS, BINS = 5, 256
WORLD = Declaration(
    name="planted",
    sha256="ab" * 32,
    source="planted",
    picture=Picture(60, 80, 3, field_of_view=90.0),
    actions=(Actions("turn", ("none", "left", "right")),),
    variables=(
        Variable("position", "m", labels=("x", "y"), axis="axis", kind="place"),
        Variable("angle", "degrees", kind="heading", low=0.0, high=360.0),
        Variable("fuel", "l"),
    ),
    object_classes=("apple", "pear", "nettle", "thorn"),
    object_valences=(1.0, 2.0, -1.0, -2.0),
    distance_units="m",
)


class Mapped(ArrayRecording):
    """Maps files anew for every read: what stays mapped would count as memory, which an episode store does not take."""

    def rows(self, start: int = 0, stop: int | None = None, names: Iterable[str] | None = None) -> xarray.Dataset:
        for name, path in self.paths.items():
            self._arrays[name] = np.load(path, mmap_mode="r")
        return super().rows(start, stop, names)

    paths: dict[str, Path] = {}


def main() -> None:
    if sys.argv[1:2] == ["--run"]:
        _run(sys.argv[2], Path(sys.argv[3]))
        return
    decisions = int(sys.argv[1]) if len(sys.argv) > 1 else DECISIONS
    _against_a_loop()
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), decisions)
        print(f"{decisions:,} decisions of {-(-decisions // EPISODE)} episodes; {LAYERS}")
        for name in MINUTES:
            subprocess.run([sys.executable, __file__, "--run", name, folder], check=True)


def _run(name: str, folder: Path) -> None:
    recording, agent = _open(folder)
    given = {"fitted_components": fitted_components(recording, burn_in_steps=30, components="pca:16")}
    processor, wall = time.process_time(), time.perf_counter()
    if name == "tuning":
        tuning(recording, agent=agent, given=given, burn_in_steps=30, cache=folder)
    else:
        memory_decoding(recording, agent=agent, burn_in_steps=30, cache=folder)
    seconds, all_of_it = time.process_time() - processor, time.perf_counter() - wall
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    kept = "kept" if seconds <= 60 * MINUTES[name] and most <= MOST_BYTES else "NOT kept"
    print(
        f"{name}: {seconds:.0f} s of processor (wall {all_of_it:.0f}), limit {60 * MINUTES[name]} s, ratio "
        f"{60 * MINUTES[name] / seconds:.1f}; most memory {most / 1e9:.2f} GB, limit {MOST_BYTES / 1e9:.1f} GB: {kept}",
        flush=True,
    )


def _against_a_loop() -> None:
    random = np.random.default_rng(0)
    rows, units = 20_000, 64
    activity = random.normal(size=(rows, units)).astype(np.float32)
    bins = random.integers(0, BINS, rows)
    episodes = [(start, start + EPISODE) for start in range(0, rows, EPISODE)]
    halves = np.arange(rows) // EPISODE % 2
    began = time.process_time()
    found = tuned(activity, bins, BINS, episodes, halves, shifts=SHIFTS)
    ours = time.process_time() - began
    began = time.process_time()
    shares = np.empty((SHIFTS, units))
    for shift in range(SHIFTS):
        moved = rotation(episodes, np.random.default_rng([0, shift]))
        for unit in range(units):
            values = activity[moved, unit].astype(np.float64)
            count = np.histogram(bins, np.arange(BINS + 1))[0]
            sums = np.histogram(bins, np.arange(BINS + 1), weights=values)[0]
            between = (count * (sums / count - values.mean()) ** 2).sum()
            shares[shift, unit] = between / ((values - values.mean()) ** 2).sum()
    theirs = time.process_time() - began
    np.testing.assert_allclose(found.between_chance, shares.mean(axis=0), rtol=1e-4)
    print(f"{SHIFTS} shifts of {units} units: loop {theirs:.2f} s of processor, this way {ours:.2f} s; "
          f"ratio {theirs / ours:.1f}; equal")  # fmt: skip


def _write(folder: Path, decisions: int) -> None:
    random = np.random.default_rng(0)
    for name, shape in (("observation", (60, 80, 3)), ("fc", (LAYERS["fc"],)), ("rnn", (LAYERS["rnn"],))):
        dtype = np.uint8 if name == "observation" else np.float32
        with (folder / f"{name}.npy").open("wb") as file:
            header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": (decisions, *shape)}
            np.lib.format.write_array_header_1_0(file, header)
            for start in range(0, decisions, 2_000):
                size = (min(2_000, decisions - start), *shape)
                if name == "observation":
                    random.integers(0, 256, size, dtype=np.uint8).tofile(file)
                else:
                    _slow(random, size).astype(np.float32).tofile(file)
    np.save(folder / "position.npy", (10 * _slow(random, (decisions, 2))).astype(np.float32))
    np.save(folder / "angle.npy", (180 * _slow(random, (decisions, 1))[:, 0] % 360).astype(np.float32))
    np.save(folder / "fuel.npy", _slow(random, (decisions, 1))[:, 0].astype(np.float32))
    np.save(folder / "action.npy", random.integers(0, 3, (decisions, 1), dtype=np.int8))


def _slow(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    noise = random.normal(size=(shape[0] + 20, *shape[1:])).cumsum(axis=0)
    return np.asarray((noise[20:] - noise[:-20]) / np.sqrt(20))


def _open(folder: Path) -> tuple[Mapped, Agent]:
    paths = {path.stem: path for path in sorted(folder.glob("*.npy"))}
    decisions = len(np.load(paths["fuel"], mmap_mode="r"))
    random = np.random.default_rng(1)
    kinds, far = random.integers(0, 4, (decisions // 8 + 1, 2)), random.uniform(20, 200, (decisions // 8 + 1, 2))
    box = np.array([30, 20, 8, 8], np.float32)
    objects = [
        sorted(
            ({"class_index": int(kind), "box": box, "distance": float(away)} for kind, away in zip(k, f, strict=True)),
            key=lambda each: each["distance"],
        )
        for k, f in zip(kinds, far, strict=True)
    ]
    agent = load_agent("digits")
    assert isinstance(agent.policy, ActorCriticPolicy)
    recording = Mapped(
        paths,
        layers=list(LAYERS),
        roles={"fc": "encoder output", "rnn": "memory"},
        world=WORLD,
        episode_lengths=[EPISODE] * (decisions // EPISODE),
        objects=[objects[row // 8] for row in range(decisions)],
        attributes={
            "agent": agent.name,
            "checkpoint_sha256": agent.checkpoint_sha256,
            "action_heads": {"turn": ["none", "left", "right"]},
            "action_kinds": {"turn": "choice"},
        },
    )
    recording.paths = paths
    return recording, agent


if __name__ == "__main__":
    main()

"""Dataset examples: the older tool's loops against this package's, and how much memory ten million steps take.

The older way, as its issue and its outputs describe it: every sample is a folder with `agent_hs.npy`; sample by sample
the file is read and brought into the components; then, component by component, level by level and sample by sample,
Python looks at the steps of the sample and appends its number to the lists it belongs to. It is granted projections
of a whole sample at a time and thresholds from one numpy sort. The original code was not at hand; this is written from
its description, and with numpy scalars compared one by one, as Python loops over arrays do.

Timed are the lists, from activations in memory, which is what the loops are for, and all of it from files to JSON, most
of which is reading, the same for both. Both ways end with equal lists, which is checked. Time is that of the
processor, so that other work on the machine does not count; wall time is printed beside it.

The second part writes 10,000,000 steps of 64 units to a file, makes lists and histograms from it in a process of its
own, and prints the most memory that process ever held.

Usage: python benchmarks/components.py [SAMPLES [STEPS_IN_MILLIONS]]
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from retinoscope.analyses.memory.dataset_examples import dataset_examples
from retinoscope.analyses.memory.fitted_components import fitted_components, fitted_of
from retinoscope.statistics.dataset_examples import LEVELS, SCOPES, at_any_step, find_thresholds, is_at_level
from retinoscope.workflows.example_files import write_json

SAMPLES, STEPS, UNITS, COMPONENTS, PROPORTION = 4_000, 16, 64, 16, 0.1
GOAL, MOST_BYTES = 20, 2_000_000_000
Lists = dict[str, dict[str, dict[str, list[int]]]]
Value = TypeVar("Value")


def main() -> None:
    if sys.argv[1:2] == ["--memory"]:
        _memory_of(Path(sys.argv[2]))
        return
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES
    millions = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    with tempfile.TemporaryDirectory() as folder:
        _time_against_loops(Path(folder), samples)
    with tempfile.TemporaryDirectory() as folder:
        _memory(Path(folder), int(millions * 1e6))


def older_lists(activations: list[np.ndarray]) -> Lists:
    """The lists, by loops over samples of (step, component)."""
    every = np.concatenate(activations)
    n = len(every)
    k = max(1, math.floor(PROPORTION * n + 0.5))
    ordered, middle = np.sort(every, axis=0), (n - k) // 2
    bounds = {
        "high": (ordered[n - k], np.full(COMPONENTS, np.inf)),
        "middle": (ordered[middle], ordered[middle + k - 1]),
        "low": (np.full(COMPONENTS, -np.inf), ordered[k - 1]),
    }
    lists: Lists = {"any_step": {}, "gradient_step": {}}
    for level, (low, high) in bounds.items():
        lists["any_step"][level], lists["gradient_step"][level] = {}, {}
        for component in range(COMPONENTS):
            anywhere: list[int] = []
            there: list[int] = []
            for sample, values in enumerate(activations):
                if any(low[component] <= value <= high[component] for value in values[:, component]):
                    anywhere.append(sample)
                if low[component] <= values[-1, component] <= high[component]:
                    there.append(sample)
            lists["any_step"][level][str(component)] = anywhere
            lists["gradient_step"][level][str(component)] = there
    return lists


def our_lists(activations: np.ndarray) -> Lists:
    """The same, by the functions that `retinoscope examples` is made of: of (sample, step, component)."""
    step_blocks = [activations.reshape(-1, COMPONENTS)]
    (thresholds,) = find_thresholds(lambda: step_blocks, len(step_blocks[0]), COMPONENTS, [PROPORTION])
    lists: Lists = {scope: {} for scope in SCOPES}
    for level in LEVELS:
        is_there = is_at_level(activations, thresholds, level)
        for scope, listed in zip(SCOPES, (at_any_step(is_there), is_there[:, -1]), strict=True):
            lists[scope][level] = {str(place): np.flatnonzero(row).tolist() for place, row in enumerate(listed.T)}
    return lists


def _time_against_loops(folder: Path, count: int) -> None:
    states = _states(count * STEPS).reshape(count, STEPS, UNITS)
    paths = [folder / f"{sample:05d}" / "agent_hs.npy" for sample in range(count)]
    for path, each in zip(paths, states, strict=True):
        path.parent.mkdir()
        np.save(path, each)
    fitted = fitted_of(fitted_components(states, components=f"pca:{COMPONENTS}"))
    activations = fitted.transform(states)
    print(f"{count:,} samples of {STEPS} steps; {COMPONENTS} components; proportion {PROPORTION}")

    theirs, older = _timed(lambda: older_lists(list(activations)))
    ours, newer = _timed(lambda: our_lists(activations))
    assert ours == theirs, "the lists differ"
    ratio = older[0] / newer[0]
    goal = "reached" if ratio >= GOAL else "NOT reached"
    print(f"lists, from activations in memory: {_told(older, newer)}; goal {GOAL}: {goal}; lists equal")

    theirs, older = _timed(lambda: json.dumps(older_lists([fitted.transform(np.load(path)) for path in paths])))
    ours, newer = _timed(lambda: _from_files(folder))
    assert _numbered(ours) == json.loads(theirs), "the lists differ"
    print(f"all of it, from {count:,} files, with histograms and the fit on our side: {_told(older, newer)}")


def _from_files(folder: Path) -> str:
    given = {"fitted_components": fitted_components(folder, components=f"pca:{COMPONENTS}")}
    result = dataset_examples(folder, given=given, proportions=(PROPORTION,))
    return write_json(result, PROPORTION, folder / "lists.json").read_text(encoding="utf-8")


def _timed(call: Callable[[], Value]) -> tuple[Value, tuple[float, float]]:
    """What is returned, and processor and wall time in seconds."""
    processor, wall = time.process_time(), time.perf_counter()
    value = call()
    return value, (time.process_time() - processor, time.perf_counter() - wall)


def _told(older: tuple[float, float], newer: tuple[float, float]) -> str:
    return (
        f"older way {older[0]:.2f} s of processor (wall {older[1]:.2f}), this way {newer[0]:.3f} s (wall "
        f"{newer[1]:.3f}); "
        f"ratio {older[0] / newer[0]:.1f} (wall {older[1] / newer[1]:.1f})"
    )


def _numbered(text: str) -> object:
    """Names of folders as the numbers they are."""
    return json.loads(text, object_hook=lambda each: {key: _as_numbers(value) for key, value in each.items()})


def _as_numbers(value: object) -> object:
    return [int(each) for each in value] if isinstance(value, list) else value


def _memory(folder: Path, steps: int) -> None:
    path = folder / "hx.npy"
    shape = (steps // STEPS, STEPS, UNITS)
    # Written, not mapped: a process inherits the most memory of the one that started it.
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, shape[0], 20_000):
            _states(min(20_000, shape[0] - start) * STEPS, seed=start).tofile(file)
    print(f"{steps:,} steps x {UNITS} units, {path.stat().st_size / 1e9:.2f} GB in a file:")
    done = subprocess.run(
        [sys.executable, __file__, "--memory", str(path)], check=True, stdout=subprocess.PIPE, text=True
    )
    print(done.stdout, end="")


def _memory_of(path: Path) -> None:
    began = time.perf_counter()
    given = {"fitted_components": fitted_components(path, components="units")}
    result = dataset_examples(path, given=given, cache=path.parent)
    write_json(result, 0.1, path.parent / "lists.json")
    seconds = time.perf_counter() - began
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    kept = "kept" if most < MOST_BYTES else "NOT kept"
    print(
        f"  lists and histograms of {result.data.sizes['component']} components in {seconds:.0f} s\n"
        f"  most memory ever held {most / 1e9:.2f} GB; limit {MOST_BYTES / 1e9:.0f} GB: {kept}\n"
        f"  file of lists: {(path.parent / 'lists.json').stat().st_size / 1e6:.0f} MB"
    )


def _states(steps: int, seed: int = 0) -> np.ndarray:
    """Mixtures of heavy-tailed sources in single precision, (step, unit)."""
    mixing = np.random.default_rng(1).normal(size=(UNITS, UNITS)).astype(np.float32)
    return np.random.default_rng(seed).laplace(size=(steps, UNITS)).astype(np.float32) @ mixing


if __name__ == "__main__":
    main()

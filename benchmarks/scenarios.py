"""Building an arena of tens of thousands of images and playing in it, against the same arena with ten, in one run.

    python benchmarks/scenarios.py [--mnist mnist.npz] [--cifar10 cifar10.npz] [--frames 2000]

For each set, in a process of its own: seconds to build the archive from the `.npz` file, its size, peak memory of the
building process; seconds until the engine has shown the first frame, and the memory it then takes; seconds per frame
with all sprites and with ten, alternately, and their ratio. At last, whether of as many images as are allowed those
with the highest numbers are shown as they are: past its limit the engine shows others, silently.

Without the file of a set, noise images of the same number and size stand in for it, and the output says so. Noise costs
at least as much: sprites are stored without compression.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from retinoscope.scenarios import ArenaArchive, build_archive, choose_images, load_scenario
from retinoscope.scenarios.specification import Observation
from retinoscope.scenarios.sprites import MAXIMUM_SPRITES
from retinoscope.worlds.doom.environment import GatheringEnvironment

SETS = {"mnist": (60_000, (28, 28)), "cifar10": (60_000, (32, 32, 3))}
MEBIBYTE = 2**20


def noise_set(folder: Path, name: str, count: int, shape: tuple[int, ...]) -> Path:
    path = folder / f"{name}.npz"
    images = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)
    np.savez(path, images=images, labels=np.arange(count) % 10)
    return path


def build(path: Path, split: str, folder: Path) -> tuple[ArenaArchive, float, float]:
    """The archive, the seconds it took and the peak memory of this process in MiB."""
    scenario = choose_images(load_scenario("digits"), path, split)
    began = time.perf_counter()
    arena = build_archive(scenario, folder)
    seconds = time.perf_counter() - began
    return arena, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_a_process_of_its_own(path: Path, split: str, folder: Path) -> tuple[ArenaArchive, float, float]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as one:
        return one.submit(build, path, split, folder).result()


def engine_memory() -> float:
    """MiB resident in the engines that this process started."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:  # it ended meanwhile
            continue
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        if int(fields["PPid"]) == os.getpid() and "vizdoom" in fields["Name"]:
            total += int(fields["VmRSS"].split()[0])
    return total / 1024


def start(arena: ArenaArchive) -> tuple[GatheringEnvironment, float]:
    environment = GatheringEnvironment(arena)
    began = time.perf_counter()
    environment.reset(seed=0)
    return environment, time.perf_counter() - began


def seconds_per_frame(environment: GatheringEnvironment, frames: int) -> float:
    """Of decisions taken at random, the same in every arena; restarts of episodes are not counted."""
    generator, spent = np.random.default_rng(0), 0.0
    for _ in range(frames):
        began = time.perf_counter()
        _, _, terminated, truncated, _ = environment.step(generator.integers(3, size=2))
        spent += time.perf_counter() - began
        if terminated or truncated:
            environment.reset()
    return spent / frames


def measure(name: str, path: Path, split: str, few: ArenaArchive, folder: Path, frames: int) -> None:
    arena, build_seconds, peak = in_a_process_of_its_own(path, split, folder)
    many, start_seconds = start(arena)
    memory_many = engine_memory()
    ten, start_of_ten = start(few)
    memory_ten = engine_memory() - memory_many
    rounds = [(seconds_per_frame(many, frames // 5), seconds_per_frame(ten, frames // 5)) for _ in range(5)]
    many.close()
    ten.close()
    ratio = statistics.median(a / b for a, b in rounds)
    slow, fast = (1e3 * statistics.median(each) for each in zip(*rounds, strict=True))
    size = arena.path.stat().st_size / MEBIBYTE
    print(f"{name}: {build_seconds:.1f} s to build {size:.0f} MiB (goal: 60), peak memory {peak:.0f} MiB")
    print(f"{name}: {start_seconds:.1f} s to the engine's first frame (goal: 15; with ten images {start_of_ten:.1f} s)")
    print(f"{name}: {memory_many:.0f} MiB in the engine (with ten images {memory_ten:.0f} MiB)")
    print(f"{name}: {slow:.2f} ms a frame, with ten images {fast:.2f} ms: ratio {ratio:.2f} (5 alternating rounds)")


def fullest_set(folder: Path) -> tuple[Path, np.ndarray]:
    """As many images as are allowed: all of class 0 but the last nine, of one class and one shade each."""
    shades = np.linspace(40, 240, 9).astype(np.uint8)
    images = np.full((MAXIMUM_SPRITES, 4, 4), 20, np.uint8)
    labels = np.zeros(MAXIMUM_SPRITES, int)
    images[-9:], labels[-9:] = shades[:, None, None], np.arange(1, 10)
    path = folder / "fullest.npz"
    np.savez(path, images=images, labels=labels)
    return path, shades


def shades_shown(arena: ArenaArchive) -> dict[int, float]:
    """Class 1 to 9 -> brightness in the middle of its tallest view, found by turning on the spot."""
    eyes = arena.scenario.model_copy(update={"observation": Observation(height=480, width=640, supersampling=1)})
    environment = GatheringEnvironment(dataclasses.replace(arena, scenario=eyes))
    tallest: dict[int, tuple[float, float]] = {}
    for seed in range(20):
        image, info = environment.reset(seed=seed)
        for _ in range(28):
            for each in info["objects"][:1]:  # nothing is before the nearest
                left, top, width, height = each["box"]
                middle = image[round(top + height / 2), round(left + width / 2)].mean()
                tallest[each["class_index"]] = max(tallest.get(each["class_index"], (0, 0)), (height, float(middle)))
            image, _, _, _, info = environment.step(np.array([1, 0]))
        if len(tallest) == 10:
            break
    environment.close()
    return {index: shade for index, (_, shade) in tallest.items() if index}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in SETS:
        parser.add_argument(f"--{name}", type=Path, help=".npz file; noise of the same size if left out")
    parser.add_argument("--split", default="train", help="part of the files that is built")
    parser.add_argument("--frames", type=int, default=2000)
    options = parser.parse_args()
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        few, _, _ = build(noise_set(folder, "few", 10, (28, 28)), "all", folder)
        for name, (count, shape) in SETS.items():
            path, split = getattr(options, name), options.split
            if path is None:
                print(f"{name}: no file given; {count:,} noise images of the same size instead")
                path, split = noise_set(folder, f"{name}_noise", count, shape), "all"
            measure(name, path, split, few, folder, options.frames)
        path, shades = fullest_set(folder)
        arena, seconds, _ = in_a_process_of_its_own(path, "all", folder)
        shown = shades_shown(arena)
        right = sum(int(np.abs(shades - shade).argmin()) == index - 1 for index, shade in shown.items())
        print(f"limit: {MAXIMUM_SPRITES:,} images, built in {seconds:.1f} s; of the last nine {right} are shown right")


if __name__ == "__main__":
    main()

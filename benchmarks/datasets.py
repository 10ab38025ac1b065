"""Images shown and passed through the network per second, against the older tool's loop; and memory.

The older way is a loop over images: each is enlarged and laid into a copy of the background, becomes a batch of one,
and passes through the network; hooks cost it nothing here. Ours, both pasted and drawn by the game engine, is the
stream of `shown_images` (`stimuli.presentation.present`, then `analyses.images.display.evoke`), engine start included.
Both give the activity of the dense layer, as the older tool did. They run alternately in one process, and processor
time counts, of the engine too, so that other work on the machine matters less.

The network alone, given views that are there already, bounds what any way of showing them could reach on a processor:
its first convolution has to be computed for every image.

Memory is the peak of a process of its own that streams so many images, less what they themselves take.

Usage: python benchmarks/datasets.py [IMAGES]
"""

from __future__ import annotations

import functools
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

import retinoscope
from retinoscope.agents.policy import Policy, inference
from retinoscope.analyses.images.display import evoke
from retinoscope.scenarios import ArenaArchive, get_arena
from retinoscope.stimuli.arena_presentation import empty_view
from retinoscope.stimuli.places import InArena, Pasted, Place
from retinoscope.stimuli.presentation import AT_A_TIME, present

GOAL = 20
LAYERS = ("fc",)
PLACES: dict[str, Place] = {"paste": Pasted(28, 30, 40), "arena": InArena(100)}
OLDER_IMAGES = 1_000
ROUNDS = 2


def main() -> None:
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--memory"]:
        _memory(sys.argv[2], int(sys.argv[3]))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    arena, policy = get_arena("digits"), retinoscope.load_agent("digits").policy
    images, background = _images(count), empty_view(get_arena("digits"))
    ways: dict[str, tuple[int, Callable[[], object]]] = {
        "older": (OLDER_IMAGES, lambda: older_way(policy, background, images[:OLDER_IMAGES])),
        "network alone": (count, lambda: _network_alone(policy, background, count)),
    }
    for name, place in PLACES.items():
        ways[name] = (count, functools.partial(_our_way, policy, arena, images, place))
    seconds = dict.fromkeys(ways, 0.0)
    for _ in range(ROUNDS):
        for name, (_, run) in ways.items():
            seconds[name] += _seconds(run)
    rates = {name: ROUNDS * number / seconds[name] for name, (number, _) in ways.items()}
    older = rates["older"]
    print(f"older way, one image at a time: {older:,.0f} images per second of processor time")
    for name in PLACES:
        ratio = rates[name] / older
        print(f"{name}: {rates[name]:,.0f} images/s, {ratio:.1f} times as many; goal {GOAL}: {_reached(ratio >= GOAL)}")
    bound = rates["network alone"]
    print(f"network alone, nothing shown: {bound:,.0f} images/s, {bound / older:.1f} times the older way: the bound")
    for name in PLACES:
        small, large = (_peak(name, each) for each in (1_500, 6_000))
        memory = f"{small:.0f} MiB for 1,500 images, {large:.0f} for 6,000"
        print(f"{name}: peak memory {memory}, ratio {large / small:.2f}")


def older_way(policy: Policy, background: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Activity of the dense layer, (image, unit)."""
    found = []
    for image in images:
        frame = background.copy()
        frame[16:44, 26:54] = np.asarray(Image.fromarray(image).resize((28, 28)))
        with inference(), policy.capture(*LAYERS) as activity:
            policy.step(torch.from_numpy(frame[None]), policy.initial_state(1))
        found.append(activity["fc"].numpy()[0])
    return np.stack(found)


def _our_way(policy: Policy, arena: ArenaArchive, images: np.ndarray, place: Place) -> None:
    for each in present(arena, images, (place,)):
        evoke(policy, each.observations, LAYERS).activity["fc"].sum()


def _network_alone(policy: Policy, view: np.ndarray, count: int) -> None:
    views = torch.from_numpy(np.repeat(view[None], AT_A_TIME, axis=0))
    with inference():
        for _ in range(-(-count // AT_A_TIME)):
            policy.step(views, policy.initial_state(AT_A_TIME))


def _seconds(run: Callable[[], object]) -> float:
    """Processor time that it takes, children (the engine) included."""
    began = _processor()
    run()
    return _processor() - began


def _processor() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _peak(name: str, count: int) -> float:
    command = [sys.executable, __file__, "--memory", name, str(count)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ).stdout)


def _memory(name: str, count: int) -> None:
    images = _images(count)
    _our_way(retinoscope.load_agent("digits").policy, get_arena("digits"), images, PLACES[name])
    used = max(resource.getrusage(each).ru_maxrss for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(used / 1024 - images.nbytes / 2**20)


def _images(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28, 3)).astype(np.uint8)


def _reached(is_reached: bool) -> str:
    return "reached" if is_reached else "NOT reached"


if __name__ == "__main__":
    main()

"""Attribution of 1,000 frames: one captum call per frame against one batched call, in the same run, to the same maps.

Both explain the critic's value alone, and then it and the probabilities of the six actions together, which is what
`analyze` does: by the gradient, by integrated gradients of the same number of steps from the same baseline, and by
occlusion with the same squares. The older way is captum as its manual shows it: a forward function, one observation,
one target, one call. It is given what it can use: one thread, a warm start, observations that are tensors already.
Frames are taken from a recording made here, with the states that entered them. The older way is timed on some of the
frames, evenly spaced, and scaled to all of them: run for all of them it would take hours.

Integrated gradients and SmoothGrad are then timed against ours as it was: every point of their means passed the first
layer on its own, which a policy that clips its pixels still needs.

Time is that of the processor, so that other work on the machine does not count; wall time is printed beside it.

Usage: python benchmarks/attribution.py [AGENT [FRAMES]]     (a shipped agent or run directory; default: digits, 1000)
"""

from __future__ import annotations

import copy
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from captum.attr import IntegratedGradients, Occlusion, Saliency

from retinoscope.agents.actor_critic import ActorCriticPolicy
from retinoscope.agents.load import load_agent
from retinoscope.agents.policy import Policy
from retinoscope.attribution import attribute_targets, default_targets
from retinoscope.rollouts import record

Value = TypeVar("Value")

FRAMES, STEPS, WINDOW, STRIDE = 1_000, 16, 10, 5
OLDER_FRAMES = {"gradient": 40, "integrated_gradients": 20, "occlusion": 3}
GOAL, TOLERANCE = 10, 1e-5
BASELINE = 50.0


def main() -> None:
    torch.set_num_threads(1)
    agent = load_agent(sys.argv[1] if len(sys.argv) > 1 else "digits")
    frames = int(sys.argv[2]) if len(sys.argv) > 2 else FRAMES
    with tempfile.TemporaryDirectory() as folder:
        rows = record(agent, frames=frames, out=Path(folder) / "frames.zarr").rows(0, frames)
        observations, states = rows["observation"].values, rows["state_entering"].values
    targets = default_targets(agent.policy)
    print(f"agent {agent.name}, {frames:,} frames")
    for method, count in OLDER_FRAMES.items():
        chosen = np.arange(min(count, frames)) * frames // min(count, frames)
        for together in (targets[:1], targets):
            compare(agent.policy, observations, states, together, chosen, method)
    for method in ("integrated_gradients", "smoothgrad"):
        compare_first_layer(agent.policy, observations[: frames // 4], states[: frames // 4], targets, method)


def compare(
    policy: Policy,
    observations: np.ndarray,
    states: np.ndarray,
    targets: tuple[str, ...],
    chosen: np.ndarray,
    method: str,
) -> None:
    settings = {"steps": STEPS, "window": WINDOW, "stride": STRIDE}
    older_way(policy, observations[:1], states[:1], 1, method)  # imports and first calls do not count
    older, older_time = _timed(lambda: older_way(policy, observations[chosen], states[chosen], len(targets), method))
    ours, our_time = _timed(
        lambda: attribute_targets(policy, observations, states, targets, method, baseline=BASELINE, **settings)
    )
    scale = len(observations) / len(chosen)
    difference = float(np.abs(ours[:, chosen] - older).max() / np.abs(older).max())
    ratio, wall = (scale * before / now for before, now in zip(older_time, our_time, strict=True))
    print(
        f"{method}, {len(targets)} target{'s together' if len(targets) > 1 else ''}, the older way on {len(chosen)} of "
        f"the frames: one captum call per frame and target {scale * older_time[0]:,.0f} s, batched "
        f"{our_time[0]:,.1f} s ({1e3 * our_time[0] / len(observations):.1f} ms a frame)\n"
        f"  {ratio:.1f} times less processor time (wall {wall:.1f}); goal {GOAL}: "
        f"{'reached' if ratio >= GOAL else 'NOT reached'}\n"
        f"  largest difference of the maps, relative to their largest value: {difference:.1e}; goal {TOLERANCE:g}: "
        f"{'reached' if difference <= TOLERANCE else 'NOT reached'}",
        flush=True,
    )


def compare_first_layer(
    policy: ActorCriticPolicy, observations: np.ndarray, states: np.ndarray, targets: tuple[str, ...], method: str
) -> None:
    clipping = copy.deepcopy(policy)
    clipping.network.input_limit.fill_(1e6)  # far beyond any pixel, so that the maps are the same
    settings = {"steps": STEPS, "samples": STEPS, "baseline": BASELINE}
    each, each_time = _timed(lambda: attribute_targets(clipping, observations, states, targets, method, **settings))
    once, once_time = _timed(lambda: attribute_targets(policy, observations, states, targets, method, **settings))
    difference = float(np.abs(once - each).max() / np.abs(each).max())
    print(
        f"{method}, {len(observations)} frames: every point through the first layer {each_time[0]:,.1f} s, their mean "
        f"alone {once_time[0]:,.1f} s: {each_time[0] / once_time[0]:.1f} times less processor time; largest difference "
        f"{difference:.1e}",
        flush=True,
    )


def older_way(policy: Policy, observations: np.ndarray, states: np.ndarray, targets: int, method: str) -> np.ndarray:
    """captum, a call for each frame and target: (target, frame, height, width, channel)."""

    def forward(pixels: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        step = policy.step(pixels, state)
        return torch.cat([step.value[:, None], policy.probabilities(step.logits)], dim=1)

    path, slope, cover = IntegratedGradients(forward), Saliency(forward), Occlusion(forward)
    found = np.empty((targets, *observations.shape), np.float32)
    for number, (observation, state) in enumerate(zip(observations, states, strict=True)):
        pixels, entering = torch.from_numpy(observation[None]).float(), torch.from_numpy(state[None])
        for target in range(targets):
            if method == "gradient":
                map_ = slope.attribute(pixels.requires_grad_(), target, abs=False, additional_forward_args=(entering,))
            elif method == "occlusion":
                windows = ((WINDOW, WINDOW, 3), (STRIDE, STRIDE, 3))
                map_ = cover.attribute(pixels, *windows, BASELINE, target, additional_forward_args=(entering,))
            else:
                map_ = path.attribute(
                    pixels, BASELINE, target=target, additional_forward_args=(entering,), n_steps=STEPS
                )
            found[target, number] = map_[0].detach().numpy()
    return found


def _timed(call: Callable[[], Value]) -> tuple[Value, tuple[float, float]]:
    """What it returns; processor and wall seconds."""
    processor, wall = time.process_time(), time.perf_counter()
    value = call()
    return value, (time.process_time() - processor, time.perf_counter() - wall)


if __name__ == "__main__":
    main()

"""Attribution of 1,000 frames: one captum call per frame against one batched call, in the same run, to the same maps.

Both explain the critic's value alone, and then it and the probabilities of the six actions together, which is what
`analyze` does: by the gradient, by integrated gradients of the same number of steps from the same baseline, and by
occlusion with the same squares. The older way is captum as its manual shows it: a forward function, one observation,
one target, one call. It is given what it can use: one thread, a warm start, observations that are tensors already.
Frames are taken from a recording made here, with the states that entered them. The older way is timed on some of the
frames, evenly spaced, and scaled to all of them: run for all of them it would take hours.

Integrated gradients and SmoothGrad are then timed against ours as it was: every point of their means passed the first
layer on its own, which a policy that clips its pixels still needs.

Perturbation saliency of the value and of the policy, by the same discs, is timed against a loop over discs like that of
its authors' published code: a mask and a blurred picture are made, and the network is passed once for the critic and
once for the actor, for every disc.

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
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import gaussian_filter

from retinoscope.agents.actor_critic import ActorCriticPolicy
from retinoscope.agents.load import load_agent
from retinoscope.agents.policy import Policy
from retinoscope.attribution import attribute_targets, default_targets
from retinoscope.rollouts import record

Value = TypeVar("Value")

FRAMES, STEPS, WINDOW, STRIDE = 1_000, 16, 10, 5
OLDER_FRAMES = {"gradient": 40, "integrated_gradients": 20, "occlusion": 3}
GOAL, TOLERANCE = 10, 1e-5
DISC_FRAMES, DISC_GOAL = 4, 20
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
    compare_discs(agent.policy, observations, states)


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


def compare_discs(policy: Policy, observations: np.ndarray, states: np.ndarray) -> None:
    chosen = np.arange(DISC_FRAMES) * len(observations) // DISC_FRAMES
    older, older_time = _timed(lambda: loop_over_discs(policy, observations[chosen], states[chosen]))
    targets = ["value", *(f"logit:{name}" for name in policy.output_names())]
    ours, our_time = _timed(lambda: attribute_targets(policy, observations, states, targets, "perturbation"))
    critic, *logits = ours[..., 0][:, chosen]
    actor = np.sum(logits, axis=0)
    ratio, wall = (
        len(observations) / len(chosen) * before / now for before, now in zip(older_time, our_time, strict=True)
    )
    difference = max(np.abs(a - b).max() / b.max() for a, b in zip((critic, actor), older, strict=True))
    print(
        f"perturbation of value and policy, the loop over discs on {len(chosen)} of the frames: batched "
        f"{our_time[0]:,.1f} s ({1e3 * our_time[0] / len(observations):.1f} ms a frame)\n"
        f"  {ratio:.1f} times less processor time (wall {wall:.1f}); goal {DISC_GOAL}: "
        f"{'reached' if ratio >= DISC_GOAL else 'NOT reached'}\n"
        f"  largest difference of the maps, relative to their largest value: {difference:.1e}; goal {TOLERANCE:g}: "
        f"{'reached' if difference <= TOLERANCE else 'NOT reached'}",
        flush=True,
    )


def loop_over_discs(policy: Policy, observations: np.ndarray, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the critic and of the policy, (frame, height, width): masks, blur and passes made anew for every disc."""
    height, width = observations.shape[1:3]
    side = min(height, width)
    sigma, spacing, blur = side / 16, max(1, round(side / 16)), 3 * side / 80
    rows, columns = range(0, height, spacing), range(0, width, spacing)
    y, x = np.mgrid[:height, :width]
    where = np.stack([np.minimum(y, rows[-1]), np.minimum(x, columns[-1])], axis=-1)

    def answers(pixels: np.ndarray, state: np.ndarray) -> tuple[float, np.ndarray]:
        entering = torch.from_numpy(state[None])
        shown = torch.from_numpy(pixels[None].astype(np.float32))
        with torch.no_grad():
            return float(policy.step(shown, entering).value), policy.step(shown, entering).logits.numpy()[0]

    found = np.empty((2, len(observations), height, width))
    for number, (picture, state) in enumerate(zip(observations.astype(np.float64), states, strict=True)):
        value, logits = answers(picture, state)
        grid = np.empty((2, len(rows), len(columns)))
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                mask = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2))[..., None]
                perturbed = picture * (1 - mask) + gaussian_filter(picture, (blur, blur, 0)) * mask
                other, others = answers(perturbed, state)
                grid[:, i, j] = (other - value) ** 2 / 2, ((others - logits) ** 2).sum() / 2
        for which in range(2):
            found[which, number] = RegularGridInterpolator((list(rows), list(columns)), grid[which])(where)
    return found[0], found[1]


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

"""Attribution: which pixels move a target of an agent, for single observations and back through time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, inference, one_thread
from retinoscope.attribution.checks import require_finite
from retinoscope.attribution.methods import Explained, maps_of, rows_per_window
from retinoscope.attribution.parameters import (
    NOT_LINEAR,
    WITH_BASELINE,
    AttributionMethod,
    AttributionParameters,
    known_method,
    settle,
)
from retinoscope.attribution.targets import Target, TargetLike, independent, parse_target
from retinoscope.errors import UserError

_LARGE_BYTES = 31 * 2**20  # the C library heeds blocks up to 32 MiB


def attribute(
    agent: Agent | Policy,
    observations: ArrayLike | torch.Tensor,
    states: ArrayLike | torch.Tensor | None = None,
    target: TargetLike = "value",
    method: str = "integrated_gradients",
    *,
    baseline: ArrayLike | None = None,
    **settings: Any,
) -> NDArray[np.floating]:
    """How every pixel of each observation moves a target.

    Args:
        agent: an agent or its policy.
        observations: (batch, height, width, channel), uint8 or float, 0 to 255; recorded frames or any pictures.
        states: recurrent states that enter, (batch, state), as `state_entering` of a recording; None for the state at
            the start of an episode.
        target: `value`; `probability:move forward`, `logit:turn left`, `log_probability:move backward`; a unit such as
            `fc:12` or, of a map, `conv2:CHANNEL,ROW,COLUMN`; or a direction in the recurrent state, (state,) numbers,
            of which the product with the leaving state is explained; for agents of other kinds see `parse_target`.
        method: `gradient`, `gradient_x_input`, `guided_backprop`, `integrated_gradients`, `smoothgrad`, `occlusion` or
            `perturbation`; see `attribution/methods.py` for what each is.
        baseline: what there is when there is nothing to see, for gradient x input, integrated gradients and occlusion:
            a grey level, a frame (height, width, channel), or one for each observation. None for `baseline_frame`.
        **settings: fields of `AttributionParameters`: `steps`, `samples`, `noise_sigma`, `window`, `stride`,
            `disc_sigma`, `disc_spacing`, `seed`, `batch_size`.

    Returns:
        Maps (batch, height, width, channel), float32 (float64 for float64 observations). Gradients, guided
        backpropagation and SmoothGrad: units of the target per pixel unit; perturbation: these squared; the other
        methods: units of the target.

    Raises:
        UserError: there is no such target, method or setting; shapes do not fit; no gradient leads from the target to
            the pixels; or something is not a number, and then in which layer this first appears.
    """
    return attribute_targets(agent, observations, states, [target], method, baseline=baseline, **settings)[0]


def attribute_targets(
    agent: Agent | Policy,
    observations: ArrayLike | torch.Tensor,
    states: ArrayLike | torch.Tensor | None,
    targets: Sequence[TargetLike],
    method: str = "integrated_gradients",
    *,
    baseline: ArrayLike | None = None,
    **settings: Any,
) -> NDArray[np.floating]:
    """Maps of several targets at once, (target, batch, height, width, channel); otherwise as `attribute`.

    Targets share forward passes, so that this takes less time than one call for each.
    """
    policy = policy_of(agent)
    pixels = _pixels(policy, observations, 4)[:, None]
    return _attribute(agent, pixels, _states(policy, states, len(pixels)), targets, method, baseline, settings)[:, :, 0]


def attribute_windows(
    agent: Agent | Policy,
    windows: ArrayLike | torch.Tensor,
    states: ArrayLike | torch.Tensor | None = None,
    target: TargetLike = "value",
    method: str = "gradient",
    *,
    baseline: ArrayLike | None = None,
    **settings: Any,
) -> NDArray[np.floating]:
    """How every pixel of a window of consecutive observations moves a target at the last of them.

    The recurrent core is unrolled over the window. Attribution is truncated at its beginning: what the state that
    enters it owes to earlier observations is not followed.

    Args:
        agent: an agent or its policy.
        windows: (batch, step, height, width, channel).
        states: recurrent states that enter the first step, (batch, state); None for the start of an episode.
        target: at the last step; as for `attribute`.
        method: as for `attribute`; occlusion and perturbation change one step at a time.
        baseline: as for `attribute`; also (step, height, width, channel) or of the shape of `windows`.
        **settings: as for `attribute`.

    Returns:
        Maps of the shape of `windows`.

    Raises:
        UserError: as `attribute`.
    """
    return attribute_window_targets(agent, windows, states, [target], method, baseline=baseline, **settings)[0]


def attribute_window_targets(
    agent: Agent | Policy,
    windows: ArrayLike | torch.Tensor,
    states: ArrayLike | torch.Tensor | None,
    targets: Sequence[TargetLike],
    method: str = "gradient",
    *,
    baseline: ArrayLike | None = None,
    **settings: Any,
) -> NDArray[np.floating]:
    """Maps of several targets at once, (target, *windows.shape); otherwise as `attribute_windows`."""
    policy = policy_of(agent)
    pixels = _pixels(policy, windows, 5)
    return _attribute(agent, pixels, _states(policy, states, len(pixels)), targets, method, baseline, settings)


def attribute_through_time(
    agent: Agent | Policy,
    observations: ArrayLike | torch.Tensor,
    initial_state: ArrayLike | torch.Tensor | None = None,
    target: TargetLike = "value",
    lag_steps: int = 8,
    method: str = "gradient",
    *,
    at: Sequence[int] | None = None,
    baseline: ArrayLike | None = None,
    **settings: Any,
) -> NDArray[np.floating]:
    """How a target at step *t* is moved by the observations at *t*, *t* - 1, ..., *t* - `lag_steps`.

    For each *t* the recurrent core is unrolled from the state that truly entered step *t* - `lag_steps`. There
    attribution is truncated: what that state owes to earlier observations is not followed.

    Args:
        agent: an agent or its policy.
        observations: of consecutive decisions of one episode, (time, height, width, channel).
        initial_state: (state,), entering the first of them; None for the start of an episode.
        target: as for `attribute`; evaluated at step *t*.
        lag_steps: how many steps to go back; 0 for the observation at *t* alone.
        method: as for `attribute`.
        at: the steps *t* wanted; None for all.
        baseline: a grey level or a frame, as for `attribute`.
        **settings: as for `attribute`.

    Returns:
        Maps (t, lag, height, width, channel), `lag_steps` + 1 lags, lag 0 being the observation at *t* itself. NaN
        where an observation would lie before the first.

    Raises:
        UserError: as `attribute`; or the window is longer than the episode, or there is no such step.
    """
    policy = policy_of(agent)
    pixels = _pixels(policy, observations, 4)
    count = len(pixels)
    if not 0 <= lag_steps < count:
        raise UserError(
            f"lag_steps: {lag_steps} steps back do not fit into {count} observations; give 0 to {count - 1}"
        )
    wanted = list(range(count)) if at is None else [int(each) for each in at]
    for step in wanted:
        if not 0 <= step < count:
            raise UserError(f"at: there is no step {step} in {count} observations; give 0 to {count - 1}")
    first = None if initial_state is None else _as_tensor(policy, initial_state)[None]
    entering = _entering_states(policy, pixels, _states(policy, first, 1))
    maps = np.full((len(wanted), lag_steps + 1, *pixels.shape[1:]), np.nan, _dtype(pixels))
    # Windows that the beginning of the episode cuts short are of other lengths than the rest.
    lengths = [min(step, lag_steps) + 1 for step in wanted]
    for length in sorted(set(lengths)):
        places = [place for place, each in enumerate(lengths) if each == length]
        rows_at_once = max(1, int(settings.get("batch_size", AttributionParameters.batch_size)))
        for chunk in (places[start : start + rows_at_once] for start in range(0, len(places), rows_at_once)):
            begins = [wanted[place] - length + 1 for place in chunk]
            windows = torch.stack([pixels[begin : begin + length] for begin in begins])
            found = _attribute(agent, windows, entering[begins], [target], method, baseline, settings)[0]
            maps[chunk, :length] = found[:, ::-1]
    return maps


def policy_of(agent: Agent | Policy) -> Policy:
    """The policy of an agent, or the policy itself."""
    return agent.policy if isinstance(agent, Agent) else agent


def baseline_frame(agent: Agent | Policy) -> NDArray[np.float32]:
    """What there is when there is nothing to see, (height, width, channel).

    The first view of the agent's world without anything in it; for a policy, or an agent whose world is not known or
    cannot be emptied, a frame of the grey level that its normalisation brings to zero.
    """
    policy = policy_of(agent)
    lived_in = (agent.world or agent.scenario) if isinstance(agent, Agent) else None
    if lived_in is not None:
        # Here, because attribution with a baseline of the user's own needs no world.
        from retinoscope.worlds.choosing import find_world

        world = find_world(lived_in)
        if world.declaration.can_be_emptied and world.declaration.picture.shape == policy.observation_shape:
            return world.empty_view().astype(np.float32)
    return np.full(policy.observation_shape, policy.grey_level, np.float32)


@contextmanager
def differentiating() -> Iterator[None]:
    """Gradients on, one thread, and recurrent layers on a GPU computed without cuDNN.

    cuDNN has no backward pass for recurrent layers in evaluation mode.
    """
    keep_freed_memory()
    with one_thread(), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        yield


def keep_freed_memory() -> None:
    """Have this process use freed memory again instead of giving it back after every batch.

    The C library of Linux hands back blocks that are larger than any freed before, and asks for them anew; for arrays
    of some megabytes this takes as long as computing on them. That once a large block was freed stays in its memory.
    """
    torch.empty(_LARGE_BYTES, dtype=torch.uint8)


def _attribute(
    agent: Agent | Policy,
    windows: torch.Tensor,
    states: torch.Tensor,
    targets: Sequence[TargetLike],
    method: str,
    baseline: ArrayLike | None,
    settings: dict[str, Any],
) -> NDArray[np.floating]:
    """(target, *windows.shape), batch by batch."""
    policy, chosen, parameters = policy_of(agent), known_method(method), settle(settings)
    wanted = _targets(policy, targets)
    fewer, weights = wanted, None
    if chosen not in NOT_LINEAR:
        fewer, matrix = independent(policy, wanted)
        weights = matrix.numpy().astype(_dtype(windows))
    explained = Explained(policy, fewer)
    baselines = _baselines(agent, windows, baseline) if chosen in WITH_BASELINE else None
    maps = np.empty((len(wanted), *windows.shape), _dtype(windows))
    at_once = max(1, parameters.batch_size // rows_per_window(chosen, parameters))
    with differentiating():
        for start in range(0, len(windows), at_once):
            rows = slice(start, start + at_once)
            below = None if baselines is None else baselines[rows]
            found = maps_of(chosen, explained, windows[rows], states[rows], below, parameters)
            require_finite(explained, windows[rows], states[rows], found)
            _put(maps[:, rows], found.cpu().numpy(), weights)
    return maps


def _put(maps: NDArray[np.floating], found: NDArray[np.floating], weights: NDArray[np.floating] | None) -> None:
    """The maps found, (fewer targets, ...), and of the other targets the combinations of them that `weights` give."""
    if weights is None:
        maps[...] = found
    else:
        np.matmul(weights, found.reshape(len(found), -1), out=maps.reshape(len(maps), -1))


def maps_by_method(
    agent: Agent | Policy,
    observations: ArrayLike,
    states: ArrayLike | None,
    targets: Sequence[TargetLike],
    methods: Sequence[AttributionMethod],
    baseline: ArrayLike,
    settings: dict[str, Any],
) -> dict[AttributionMethod, NDArray[np.floating]]:
    """Maps (target, batch, height, width, channel) by several methods; gradient x input costs nothing more."""
    found: dict[AttributionMethod, NDArray[np.floating]] = {}
    for method in methods:
        if method == "gradient_x_input" and "gradient" in found:
            away = np.asarray(observations, np.float32) - np.asarray(baseline, np.float32)
            found[method] = found["gradient"] * away
        else:
            found[method] = attribute_targets(
                agent, observations, states, targets, method, baseline=baseline, **settings
            )
    return found


def _targets(policy: Policy, targets: Sequence[TargetLike]) -> tuple[Target, ...]:
    if not len(targets):
        raise UserError("targets: none given; give at least one, such as value")
    return tuple(parse_target(policy, target) for target in targets)


def _entering_states(policy: Policy, pixels: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    """The recurrent state that enters each step, (time, state)."""
    states = [state]
    with inference():
        for step in range(len(pixels) - 1):
            states.append(policy.step(pixels[step : step + 1], states[-1]).state)
    return torch.cat(states).clone()


def _baselines(agent: Agent | Policy, windows: torch.Tensor, baseline: ArrayLike | None) -> torch.Tensor:
    """Of the shape of the windows."""
    given = baseline_frame(agent) if baseline is None else np.asarray(baseline, np.float64)
    if not np.isfinite(given).all():
        raise UserError("baseline: holds what is not a finite number; give pixel units, 0 to 255")
    if given.ndim == 4 and windows.shape[1] == 1 and len(given) == len(windows):
        given = given[:, None]  # one frame for each observation
    frames = torch.as_tensor(given, dtype=windows.dtype, device=windows.device)
    try:
        return frames.expand(windows.shape)
    except RuntimeError:
        raise UserError(
            f"baseline: has shape {given.shape}; give a grey level, a frame of {tuple(windows.shape[2:])}, or one "
            "frame for each observation"
        ) from None


def _pixels(policy: Policy, observations: ArrayLike | torch.Tensor, axes: int) -> torch.Tensor:
    pixels = _as_tensor(policy, observations)
    if pixels.ndim != axes or tuple(pixels.shape[-3:]) != policy.observation_shape:
        wanted = (
            ("batch", "height", "width", "channel") if axes == 4 else ("batch", "step", "height", "width", "channel")
        )
        raise UserError(
            f"observations: have shape {tuple(pixels.shape)}; this agent sees {policy.observation_shape}, so give "
            f"({', '.join(wanted)})"
        )
    if not torch.isfinite(pixels).all():
        raise UserError("observations: hold what is not a finite number; give pixel units, 0 to 255")
    return pixels


def _states(policy: Policy, states: ArrayLike | torch.Tensor | None, count: int) -> torch.Tensor:
    if states is None:
        return policy.initial_state(count)
    given = _as_tensor(policy, states)
    if given.shape != (count, policy.state_size):
        raise UserError(
            f"states: have shape {tuple(given.shape)}; give ({count}, {policy.state_size}), one for each observation"
        )
    return given


def _as_tensor(policy: Policy, values: ArrayLike | torch.Tensor) -> torch.Tensor:
    tensor = values.detach() if isinstance(values, torch.Tensor) else torch.from_numpy(np.array(values))
    return tensor.to(policy.device, torch.float64 if tensor.dtype == torch.float64 else torch.float32)


def _dtype(pixels: torch.Tensor) -> type[np.floating]:
    return np.float64 if pixels.dtype == torch.float64 else np.float32

"""What passing a network costs, counted and not timed, so that what is done within a budget is the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.utils.flop_counter import FlopCounterMode

from retinoscope.agents.policy import Policy, inference
from retinoscope.attribution.measures import FRACTIONS
from retinoscope.attribution.parameters import AttributionMethod, AttributionParameters, settle
from retinoscope.attribution.perturbation import discs
from retinoscope.attribution.randomisation import stages
from retinoscope.attribution.targets import Target, independent


def operations(call: Callable[[], object]) -> float:
    """Multiplications and additions in one call, those of products of matrices and convolutions.

    The backward pass to the pixels takes about as many again, for each number whose gradient is wanted.
    """
    with inference():
        call()  # what has to be found once is found now, and not counted
        with FlopCounterMode(display=False) as counter:
            call()
    return float(counter.get_total_flops())


def operations_per_frame(
    policy: Policy, targets: Sequence[Target], methods: Sequence[AttributionMethod], settings: dict[str, object]
) -> float:
    """About what `measures.measure` costs for one frame: all maps before and after each randomisation, and curves."""
    frame = torch.full((1, *policy.observation_shape), float(policy.grey_level), device=policy.device)
    once = operations(lambda: policy.step(frame, policy.initial_state(1)))
    parameters, backward = settle(settings), len(independent(policy, tuple(targets))[0])
    maps = sum(_passes(method, backward, policy, parameters) for method in methods)
    orders = len(methods) * len(targets) + 2
    return once * (maps * (1 + len(stages(policy))) + 2 * (len(FRACTIONS) - 2) * orders)


def _passes(method: AttributionMethod, backward: int, policy: Policy, parameters: AttributionParameters) -> int:
    """Of the network, for the maps of one frame by one method."""
    if method == "occlusion":
        beyond = (max(side - parameters.window, 0) for side in policy.observation_shape[:2])
        rows, columns = (1 + -(-each // parameters.stride) for each in beyond)
        return 1 + rows * columns
    if method == "perturbation":
        return 1 + len(discs(*policy.observation_shape[:2], parameters).masks())
    # Gradient x input is made of the gradient that was found.
    copies = {"gradient_x_input": 0, "integrated_gradients": parameters.steps, "smoothgrad": parameters.samples}
    return copies.get(method, 1) * (1 + backward)

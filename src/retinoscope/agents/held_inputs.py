"""A policy under inputs that stay what they are: what leaves the memory as a function of what enters it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy, PolicyStep
from retinoscope.errors import UserError

_BATCH, _COMPARED = 256, 16
_AGREES = 1e-4  # of what is computed from the encoder's output on with a whole decision, relative to the largest number


class HeldInputs:
    """Inputs that are held, each passed through the encoder once.

    Where an agent can decide from its encoder's output on, and gives there what whole decisions give, only what lies
    above is computed again at every step, and inputs that no picture gives can be held too. Else every step is a whole
    decision.

    Args:
        policy: has a memory.
        observations: (input, height, width, channel) pixels.
        states: (some, state) with which both ways are compared, under as many of the first inputs.
        outputs: (more, unit) of the encoder, further inputs behind the observations; None for none.

    Attributes:
        layer: the encoder's output that is held; None where whole decisions are made.
        count: how many inputs are held; without `layer` those in `outputs` are not among them.
    """

    def __init__(
        self,
        policy: Policy,
        observations: NDArray[np.uint8] | NDArray[np.float32],
        states: NDArray[np.floating],
        outputs: NDArray[np.floating] | None = None,
    ) -> None:
        self.policy = policy
        self._pixels = torch.as_tensor(observations, device=policy.device)
        self.layer = layer = self._agreeing_layer(torch.as_tensor(states, dtype=torch.float32, device=policy.device))
        self.count = len(observations)
        if layer is not None:
            with torch.no_grad():
                held = torch.cat([policy.encode(each, until=layer).float() for each in self._pixels.split(_BATCH)])
            if outputs is not None:
                held = torch.cat([held, torch.as_tensor(outputs, dtype=torch.float32, device=policy.device)])
            self._held, self.count = held, len(held)

    def step(self, inputs: torch.Tensor, state: torch.Tensor) -> PolicyStep:
        """One decision for each row; keeps the gradient with respect to the state.

        Args:
            inputs: (batch,) int64, which input each row is under.
            state: (batch, state) that enters.
        """
        if self.layer is None:
            return self.policy.step(self._pixels[inputs], state)
        return self.policy.step_from(self.layer, self._held[inputs], state)

    def _agreeing_layer(self, states: torch.Tensor) -> str | None:
        layer = encoder_output(self.policy)
        if layer is None:
            return None
        count = min(len(states), len(self._pixels), _COMPARED)
        pixels, states = self._pixels[:count], states[:count]
        with torch.no_grad():
            whole = self.policy.step(pixels, states)
            try:
                held = self.policy.step_from(layer, self.policy.encode(pixels, until=layer), states)
            except UserError:
                return None
        pairs = ((whole.logits, held.logits), (whole.state, held.state))
        agrees = all(float((a - b).abs().max()) <= _AGREES * max(1.0, float(a.abs().max())) for a, b in pairs)
        return layer if agrees else None


def encoder_output(policy: Policy) -> str | None:
    """The encoder's output, if it is a dense layer; None if there is none."""
    layers = [each for each in policy.layers_of("encoder output") if not each.is_map]
    return layers[-1].name if layers else None

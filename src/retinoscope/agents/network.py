"""A module of anyone's with what is needed to let it decide: the user's own code, behind one interface."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import cloudpickle
import torch
from torch import nn

from retinoscope.agents.packing import Packing, made
from retinoscope.errors import UserError

Step = Callable[[nn.Module, Any, Any], Any]
Preprocess = Callable[[torch.Tensor], Any]


class Network:
    """A module with what is needed to let it decide: all that is the user's own code.

    Args:
        module: in evaluation mode, its parameters frozen.
        step: from the module, what `preprocess` gives, and a state to logits, or (logits, value), and the state that
            leaves as the last of them if there is one. The logits of several heads may be a tuple.
        preprocess: from pixels (batch, height, width, channel), as uint8 or float 0 to 255, to what the step is given.
        initial_state: of the size of the batch; None without a memory.
    """

    def __init__(self, module: nn.Module, step: Step, preprocess: Preprocess | None, initial_state: Any) -> None:
        self.module, self.step, self.preprocess, self.initial_state = module, step, preprocess, initial_state
        first = next((each for each in module.parameters() if each.is_floating_point()), None)
        self.dtype = torch.float32 if first is None else first.dtype
        self.packing = Packing.of(initial_state, self.dtype)
        self.takes_gradients = True

    def answer(self, observations: torch.Tensor, state: torch.Tensor) -> Any:
        """What the step returns for pixels and a packed state."""
        pixels = observations.to(self.dtype) if observations.is_floating_point() else observations
        inputs = self._preprocessed(pixels)
        return self.step(self.module, inputs, self.packing.unpacked(state) if self.packing.size else None)

    def initial(self, batch: int, device: torch.device) -> torch.Tensor:
        """The state at the start of an episode, (batch, state) float32."""
        if not self.packing.size:
            return torch.zeros(batch, 0, device=device)
        return self.packing.packed(made(self.initial_state, batch)).float().to(device)

    def parts(self, answer: Any) -> tuple[tuple[torch.Tensor, ...], torch.Tensor | None, Any]:
        """Logits by head, value, and state, in what the step returned.

        Raises:
            UserError: it returned something else.
        """
        given = tuple(answer) if isinstance(answer, tuple | list) else (answer,)
        rest, state = (given[:-1], given[-1]) if self.packing.size else (given, None)
        if not self.packing.size and len(rest) == 3 and rest[2] is None:
            rest = rest[:2]
        if len(rest) not in (1, 2):
            wanted = "logits, (logits, value)" if not self.packing.size else "(logits, state), (logits, value, state)"
            raise UserError(f"step: returned {_kind(answer)}; it must return {wanted}")
        logits = tuple(rest[0]) if isinstance(rest[0], tuple | list) else (rest[0],)
        value = rest[1] if len(rest) == 2 else None
        for name, each in [*(("logits", part) for part in logits), *([("value", value)] if value is not None else [])]:
            if not isinstance(each, torch.Tensor) or not (each.is_floating_point() and each.ndim):
                raise UserError(f"step: returned {_kind(each)} as {name}; it must be a tensor of floats")
        return logits, value, state

    def _preprocessed(self, pixels: torch.Tensor) -> Any:
        if self.preprocess is None:
            return pixels
        inputs = self.preprocess(pixels if self.takes_gradients else pixels.detach())
        # Pixels that were permuted lie in memory as before, and views that the module's own code makes would fail.
        is_one = isinstance(inputs, torch.Tensor)
        return inputs.clone(memory_format=torch.contiguous_format) if is_one else inputs

    def moved(self, device: torch.device | str) -> Network:
        """A copy on another device."""
        found = copy.copy(self)
        found.module = copy.deepcopy(self.module).to(device)
        return found

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        found = copy.copy(self)
        found.module = copy.deepcopy(self.module, memo)
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        """To other processes of ours goes also what a script or notebook defines, functions without a name too."""
        return _unpacked, (cloudpickle.dumps(vars(self)),)


def _unpacked(packed: bytes) -> Network:
    network = Network.__new__(Network)
    vars(network).update(cloudpickle.loads(packed))
    return network


def _kind(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}" + (f" of {tuple(value.shape)}" if isinstance(value, torch.Tensor) else "")

"""Activity taken out of a network while it computes, or put in: nothing of the network is changed or wrapped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from retinoscope.agents.found_layers import SEQUENCES
from retinoscope.agents.traced_layers import TracedLayer
from retinoscope.agents.tracing import Counting
from retinoscope.errors import UserError

Edit = Callable[[torch.Tensor], torch.Tensor]
"""From the activity of a layer, (batch, unit), to what is to take its place."""


class Reached(BaseException):
    """The layer that was wanted has been computed: what lies above it need not be. No error, and not to be caught."""


class Observing(Counting):
    """Within the `with` block, `found` gets the activity of the layers wanted, by name.

    Args:
        wanted: the layers.
        edits: by name, what is to take the place of a layer's activity in everything computed from it.
        until: the layer at which `Reached` is raised.
    """

    def __init__(
        self, wanted: Iterable[TracedLayer], edits: Mapping[str, Edit] | None = None, until: str | None = None
    ) -> None:
        super().__init__()
        self.found: dict[str, torch.Tensor] = {}
        self._edits = edits or {}
        self._until = until
        self._wanted: dict[tuple[str, int], TracedLayer] = {(each.function, each.occurrence): each for each in wanted}

    def looked_at(
        self,
        function: Callable[..., Any],
        name: str,
        occurrence: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> Any:
        traced = self._wanted.get((name, occurrence))
        if traced is None:
            return result
        output = result if isinstance(result, torch.Tensor) else result[0]
        try:
            activity = traced.arranged(output)
            is_it = activity.ndim == len(traced.layer.shape) + 1 and activity.shape[1] == traced.layer.shape[0]
        except (ValueError, RuntimeError):
            is_it = False
        if not is_it:
            raise took_another_path(traced.layer.name) from None
        self.found[traced.layer.name] = activity.clone() if traced.is_overwritten else activity
        if traced.layer.name == self._until:
            raise Reached
        if traced.layer.name in self._edits:
            edited = self._edits[traced.layer.name](activity)
            return _replaced(name, result, traced, edited)
        return result


def took_another_path(layer: str) -> UserError:
    """The error of a layer that is not where it was."""
    return UserError(
        f"layer {layer!r}: was not computed as when the agent was loaded; the forward pass must always take one path"
    )


def _replaced(function: str, result: Any, traced: TracedLayer, activity: torch.Tensor) -> Any:
    """The result of a call with another activity, also where it holds that twice, as the state that leaves."""
    output = result if isinstance(result, torch.Tensor) else result[0]
    edited = traced.put_back(activity, output)
    if isinstance(result, torch.Tensor):
        return edited
    if function not in SEQUENCES:
        return (edited, *result[1:])
    leaving = result[1].clone()  # (layer, batch, unit), of which the last layer gave the output
    leaving[-1] = activity
    return (edited, leaving, *result[2:])

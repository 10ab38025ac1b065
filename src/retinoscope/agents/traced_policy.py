"""Any `torch.nn.Module` as a `Policy`: its layers, their roles and what their units see come from one observed pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from retinoscope.agents.actions import ActionHead
from retinoscope.agents.canvas import Canvas, smallest
from retinoscope.agents.field_search import checked, searched
from retinoscope.agents.network import Network
from retinoscope.agents.observing import Edit, Observing, Reached, took_another_path
from retinoscope.agents.policy import Layer, Policy, PolicyStep, ReceptiveField
from retinoscope.agents.traced_layers import TracedLayer
from retinoscope.errors import UserError, said


class TracedPolicy(Policy):
    """A `Policy` around a network of any kind; `tracing.py` found its layers. Made by `from_module`.

    Of stacked frames, the stack is part of the observation, its frames being channels: the world's wrapper makes it, a
    recorded row holds all that the network saw, and fields are those of each frame.

    Args:
        network: the module, and how it decides.
        observation_shape: (height, width, channel).
        action_heads: of the actor.
        layers: found in the network, without the outputs.
        has_value: the step returns a value.
        notes: what a person has to know.
        grey_level: the pixel value that the network's input is zero for.
    """

    def __init__(
        self,
        network: Network,
        observation_shape: tuple[int, int, int],
        action_heads: tuple[ActionHead, ...],
        layers: tuple[TracedLayer, ...],
        has_value: bool,
        notes: tuple[str, ...] = (),
        grey_level: float = 0.0,
    ) -> None:
        self.network = network
        self.observation_shape, self.action_heads, self.notes = observation_shape, action_heads, notes
        self.state_size = network.packing.size
        parameter = next(network.module.parameters(), None)
        self.device = torch.device("cpu") if parameter is None else parameter.device
        self._traced = {each.layer.name: each for each in layers}
        self._has_value = has_value
        self._grey_level = grey_level
        self._fields: dict[str, ReceptiveField] = {}
        self._canvases: dict[str, Canvas | None] = {}
        self._columns: dict[str, slice | None] = {}
        self._captures: list[tuple[frozenset[str], dict[str, torch.Tensor]]] = []
        self._edits: dict[str, Edit] = {}
        self.layers = (*(each.layer for each in layers), *self._outputs())

    @property
    def module(self) -> nn.Module:
        """The network itself."""
        return self.network.module

    def _outputs(self) -> tuple[Layer, ...]:
        value = (Layer("value", "value", (1,), "value"),) if self.has_value else ()
        outputs = sum(len(head.outputs) for head in self.action_heads)
        memory = self.state_size and not any(each.layer.role == "memory" for each in self._traced.values())
        # A memory made of other parts than torch's own: the state itself is its activity.
        state = (Layer("memory", "recurrent", (self.state_size,), "memory"),) if memory else ()
        return (*state, *value, Layer("policy", "policy", (outputs,), "policy"))

    @property
    def has_value(self) -> bool:
        """There is a critic, or Q-values, whose highest is the value; else `PolicyStep.value` is not a number."""
        return self._has_value or self.action_heads[0].kind == "q_values"

    def step(self, observations: torch.Tensor, state: torch.Tensor) -> PolicyStep:
        wanted = {name for names, _ in self._captures for name in names} | self._edits.keys()
        traced = [self._traced[name] for name in wanted if name in self._traced]
        if not traced:
            step = self._read(self.network.answer(observations, state), len(observations))
            self._note({}, step)
            return step
        with Observing(traced, self._edits) as observing:
            answer = self.network.answer(observations, state)
        if missing := [each.layer.name for each in traced if each.layer.name not in observing.found]:
            raise took_another_path(missing[0])
        step = self._read(answer, len(observations))
        self._note(observing.found, step)
        return step

    def step_from(self, layer: str, activity: torch.Tensor, state: torch.Tensor) -> PolicyStep:
        traced = self._traced.get(layer)
        if traced is None or traced.layer.is_map or not self._is_before_memory(traced.layer):
            return super().step_from(layer, activity, state)
        wanted = {name for names, _ in self._captures for name in names} | self._edits.keys() | {layer}
        watched = [self._traced[name] for name in wanted if name in self._traced]
        picture = torch.full((1, *self.observation_shape), self.grey_level, device=self.device)
        try:
            with Observing(watched, {**self._edits, layer: lambda _: activity}) as observing:
                answer = self.network.answer(picture, state)
            step = self._read(answer, len(activity))
        except (RuntimeError, ValueError, TypeError) as error:  # of the user's own code, which asks for one batch size
            raise UserError(f"layer {layer!r}: this agent cannot decide from it on ({said(error)})") from error
        self._note({**observing.found, layer: activity}, step)
        return step

    def _note(self, found: Mapping[str, torch.Tensor], step: PolicyStep) -> None:
        outputs = {"value": step.value[:, None], "policy": step.logits, "memory": step.state}
        for wanted, yielded in self._captures:
            yielded.update({name: found[name] if name in found else outputs[name] for name in wanted})

    def _read(self, answer: Any, batch: int) -> PolicyStep:
        """What the step returned, in the form of the house."""
        parts, value, state = self.network.parts(answer)
        logits = torch.cat([part.reshape(batch, -1) for part in parts], dim=1)
        if value is not None:
            if value.numel() != batch:
                raise UserError(f"step: gave a value of shape {tuple(value.shape)}; it must be one number for each row")
            value = value.reshape(batch)
        elif self.action_heads[0].kind == "q_values":
            value = logits.max(dim=1).values
        else:
            value = logits.new_full((batch,), torch.nan)
        leaving = self.network.packing.packed(state) if self.state_size else logits.new_zeros(batch, 0)
        found = (logits, value, leaving)
        return PolicyStep(*(each if each.dtype == torch.float64 else each.float() for each in found))

    @contextmanager
    def capture(self, *names: str) -> Iterator[dict[str, torch.Tensor]]:
        entry: tuple[frozenset[str], dict[str, torch.Tensor]] = (frozenset(self.layer(name).name for name in names), {})
        self._captures.append(entry)
        try:
            yield entry[1]
        finally:
            self._captures = [each for each in self._captures if each is not entry]

    @contextmanager
    def edited(self, layer: str, edit: Edit) -> Iterator[None]:
        """Within the `with` block, everything computed from the activity of a layer is computed from `edit` of it.

        Of a memory, what it leaves for the next decision is edited, too. `capture` gives what was there before that.

        Args:
            layer: its name; no map.
            edit: from (batch, unit) to (batch, unit).

        Raises:
            UserError: the layer cannot be edited.
        """
        if self.layer(layer).is_map or layer not in self._traced:
            raise UserError(f"layer {layer!r}: cannot be edited; choose a dense or recurrent layer of the network")
        before = self._edits
        self._edits = before | {layer: edit}
        try:
            yield
        finally:
            self._edits = before

    def encode(self, observations: torch.Tensor, until: str) -> torch.Tensor:
        self.layer(until)
        traced = self._traced.get(until)
        encoder = [each.name for each in self.layers if self._is_before_memory(each)]
        if traced is None or until not in encoder:
            raise UserError(f"layer {until!r}: is not in the encoder; choose from {', '.join(encoder)}")
        observing = Observing([traced], until=until)
        try:
            with observing:
                self.network.answer(observations, self.initial_state(len(observations)))
        except Reached:
            return observing.found[until]
        raise took_another_path(until)

    def _is_before_memory(self, layer: Layer) -> bool:
        return layer.name in self._traced and layer.role not in ("memory", "readout")

    def receptive_field(self, layer: str) -> ReceptiveField:
        if not self.layer(layer).is_map:
            raise UserError(
                f"layer {layer!r}: is not a convolution and sees the whole observation; choose a convolution"
            )
        if layer not in self._fields:
            self._fields[layer] = self._found_field(layer, self._traced[layer])
        return self._fields[layer]

    def _found_field(self, layer: str, traced: TracedLayer) -> ReceptiveField:
        if traced.field is None or not traced.is_followed:
            why = traced.field.note if traced.field else "how the pixels are preprocessed is out of sight"
            return searched(self, layer, why)
        return checked(self, layer, traced.field)

    def _answers_to_fields(self, stimuli: torch.Tensor, layer: str) -> torch.Tensor:
        if layer not in self._canvases:
            self._canvases[layer] = smallest(self, layer)
        canvas = self._canvases[layer]
        if canvas is None:
            return self.answers_in_whole_pictures(stimuli, layer)
        return canvas.answers(self, layer, stimuli)

    def weights_of(self, layer: str) -> Mapping[str, nn.Parameter]:
        parameters = dict(self.module.named_parameters(remove_duplicate=False))
        if layer in self._traced:
            return {name: parameters[name] for name in dict.fromkeys(self._traced[layer].parameters)}
        if self.layer(layer).role not in ("value", "policy"):
            return {}
        # To the outputs belongs what belongs to no layer below them.
        below = {id(parameters[name]) for each in self._traced.values() for name in each.parameters}
        return {name: each for name, each in parameters.items() if id(each) not in below}

    def state_columns(self, layer: str) -> slice | None:
        if self.layer(layer).role != "memory":
            return None
        if layer not in self._columns:
            self._columns[layer] = self._found_columns(layer)
        return self._columns[layer]

    def _found_columns(self, layer: str) -> slice | None:
        generator = torch.Generator().manual_seed(0)
        pixels = (255 * torch.rand((2, *self.observation_shape), generator=generator)).to(self.device)
        with torch.no_grad(), self.capture(layer) as activity:
            leaving = self.step(pixels, self.initial_state(2)).state
        units = activity[layer].shape[1]
        starts = range(leaving.shape[1] - units + 1)
        same = (slice(at, at + units) for at in starts if torch.equal(leaving[:, at : at + units], activity[layer]))
        return next(same, None)

    @property
    def grey_level(self) -> float:
        return self._grey_level

    def initial_state(self, batch: int) -> torch.Tensor:
        return self.network.initial(batch, self.device)

    def to(self, device: torch.device | str) -> TracedPolicy:
        if torch.device(device) == self.device:
            return self
        return TracedPolicy(
            self.network.moved(device),
            self.observation_shape,
            self.action_heads,
            tuple(self._traced.values()),
            self._has_value,
            self.notes,
            self._grey_level,
        )

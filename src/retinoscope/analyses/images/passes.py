"""Images on their way through networks: what is kept of each while they are shown, in memory that is bounded.

Scaler and components are fitted to the images that are shown first; their views are held, so that every network sees
them once. Of all others a batch at a time is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from retinoscope.agents.agent import Agent
from retinoscope.analyses.images.display import PIXELS, Display, Evoked, evoke
from retinoscope.statistics.decoding import Reduction, fit_reduction
from retinoscope.stimuli.places import Place
from retinoscope.stimuli.presentation import present

_AT_ONCE = 5_000  # images that are taken out of the set at a time
_CHUNK = 32  # views that are compressed together: what does not change from one to the next takes hardly any room


@dataclass(frozen=True)
class Plan:
    """Which images are shown where, and what is kept of them.

    Attributes:
        layers: whose scores are kept, the pixels' first; empty if none are.
        layer: whose activity is kept.
        memory: layers of the memory, whose activity is kept too.
        fitted: numbers of the images that reductions are fitted to.
        first: of those shown at the first place.
        kept: of those whose views are kept.
        elsewhere: of those shown at the other places.
        examples: of the image of each class that is shown to people.
    """

    layers: tuple[str, ...]
    layer: str
    memory: tuple[str, ...]
    fitted: np.ndarray
    first: np.ndarray
    kept: np.ndarray
    elsewhere: np.ndarray
    examples: np.ndarray


class FirstPlace:
    """What is kept of the images at the first place, filled while they are shown."""

    def __init__(self, images: Display, plan: Plan, players: Mapping[str, Agent], components: int) -> None:
        self._images, self._plan, self._players = images, plan, players
        self._components = components
        policy, count = images.agent.policy, len(images.shown.labels)
        outputs = len(policy.output_names())
        self._probability = np.full((len(players), count, outputs), np.nan, np.float32)
        self._logit = np.full((count, outputs), np.nan, np.float32)
        self._scores = {
            name: np.full((networks, count, self._kept_components(name)), np.nan, np.float32)
            for name in plan.layers
            for networks in (1 if name == PIXELS else len(players),)
        }
        self._place_of = np.full(count, -1)
        self._place_of[plan.kept] = np.arange(len(plan.kept))
        self.observations = np.empty((len(plan.kept), *policy.observation_shape), np.uint8)
        self._value = np.empty(len(plan.kept), np.float32)
        self._activity = {
            name: np.empty((len(plan.kept), int(np.prod(policy.layer(name).shape))), np.float32)
            for name in (plan.layer, *plan.memory)
        }

    def show(self, advance: Callable[[int], None]) -> None:
        """Show the images that components are fitted to, fit these, then show all others."""
        plan, place = self._plan, self._images.places[0]
        first = [each for _, each in _views(self._images, plan.fitted, place)]
        reductions: list[dict[str, Reduction]] = [{} for _ in self._players]
        if first:
            views = np.concatenate(first)
            del first
            for number, name in enumerate(self._players):
                evoked = self._evoked(name, views, number)
                reductions[number] = {
                    layer: fit_reduction(evoked.activity[layer], self._components) for layer in self._wanted(number)
                }
                self._keep(number, name, plan.fitted, evoked, reductions[number])
            self._keep_views(plan.fitted, views)
            advance(len(views))
        others = np.setdiff1d(plan.first, plan.fitted)
        for numbers, views in _views(self._images, others, place):
            for number, name in enumerate(self._players):
                self._keep(number, name, numbers, self._evoked(name, views, number), reductions[number])
            self._keep_views(numbers, views)
            advance(len(numbers))

    def variables(self) -> dict[str, Any]:
        """As variables of the Result."""
        plan, view = self._plan, ("view", "height", "width", "colour")
        found: dict[str, Any] = {
            "probability": (("checkpoint", "image", "output"), self._probability, {"units": "probability"}),
            "logit": (("image", "output"), self._logit, {"units": "logit"}),
            "kept": ("view", plan.kept, {"long_name": "number of the image"}),
            "observation": (view, self.observations, {}, _compressed(self.observations, _CHUNK)),
            "value": ("view", self._value, {"units": "return"}),
            "activity": (("view", "unit"), self._activity[plan.layer], {"units": "activity", "long_name": plan.layer}),
            "example_image": ("class", plan.examples, {"long_name": "number of the image"}),
        }
        for name in plan.memory:
            about = {"units": "activity", "long_name": name}
            found[f"{name}_activity"] = (("view", f"{name}_unit"), self._activity[name], about)
        if len(plan.fitted):
            found["fitted"] = ("fit_image", plan.fitted, {"long_name": "number of the image"})
        for name, scores in self._scores.items():
            about = {"units": "standardised activity", "long_name": f"principal components of {name}"}
            component = f"{name}_component"
            if name == PIXELS:
                found[f"{name}_score"] = (("image", component), scores[0], about)
            else:
                found[f"{name}_score"] = (("checkpoint", "image", component), scores, about)
        return found

    def _kept_components(self, layer: str) -> int:
        policy = self._images.agent.policy
        shape = policy.observation_shape if layer == PIXELS else policy.layer(layer).shape
        return min(self._components, int(np.prod(shape)), len(self._plan.fitted) - 1)

    def _wanted(self, number: int) -> tuple[str, ...]:
        """Layers whose scores are kept; of the pixels at one checkpoint, being the same at all."""
        return self._plan.layers if number == 0 else tuple(each for each in self._plan.layers if each != PIXELS)

    def _evoked(self, name: str, views: np.ndarray, number: int) -> Evoked:
        player = self._players[name]
        own = (self._plan.layer, *self._plan.memory) if player is self._images.agent else ()
        return evoke(player.policy, views, dict.fromkeys((*self._wanted(number), *own)))

    def _keep(
        self, number: int, name: str, images: np.ndarray, evoked: Evoked, reductions: Mapping[str, Reduction]
    ) -> None:
        self._probability[number, images] = evoked.probabilities
        for layer, reduction in reductions.items():
            self._scores[layer][number, images] = reduction.scores(evoked.activity[layer])
        if self._players[name] is self._images.agent:
            self._logit[images] = evoked.logits
            places = self._place_of[images]
            self._value[places[places >= 0]] = evoked.values[places >= 0]
            for layer, kept in self._activity.items():
                kept[places[places >= 0]] = evoked.activity[layer][places >= 0]

    def _keep_views(self, images: np.ndarray, views: np.ndarray) -> None:
        places = self._place_of[images]
        self.observations[places[places >= 0]] = views[places >= 0]


def _views(images: Display, numbers: np.ndarray, place: Place) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Numbers and views of images shown at a place, a batch at a time."""
    for start in range(0, len(numbers), _AT_ONCE):
        part = numbers[start : start + _AT_ONCE]
        for each in present(images.world.arena, images.shown.images[part], (place,)):
            yield part[each.start : each.start + len(each.observations)], each.observations


def show_elsewhere(images: Display, plan: Plan, first: np.ndarray, advance: Callable[[int], None]) -> dict[str, Any]:
    """What images evoke in the agent at the places behind the first; and one view of each class at every place."""
    policy, places, count = images.agent.policy, images.places[1:], len(plan.elsewhere)
    shape = (len(places), count)
    probability = np.empty((*shape, len(policy.output_names())), np.float32)
    value = np.empty(shape, np.float32)
    layers = (plan.layer, *plan.memory)
    activity = {name: np.empty((*shape, int(np.prod(policy.layer(name).shape))), np.float32) for name in layers}
    examples = np.zeros((len(images.places), len(plan.examples), *policy.observation_shape), np.uint8)
    examples[0] = first[np.searchsorted(plan.kept, plan.examples)]
    if count:
        for each in present(images.world.arena, images.shown.images[plan.elsewhere], places):
            part = slice(each.start, each.start + len(each.observations))
            evoked = evoke(policy, each.observations, layers)
            probability[each.place, part] = evoked.probabilities
            value[each.place, part] = evoked.values
            for name in layers:
                activity[name][each.place, part] = evoked.activity[name]
            for number in np.flatnonzero(np.isin(plan.examples, plan.elsewhere[part])):
                seen = int(np.searchsorted(plan.elsewhere[part], plan.examples[number]))
                examples[each.place + 1, number] = each.observations[seen]
            advance(len(each.observations))
    view = ("place", "class", "height", "width", "colour")
    found: dict[str, Any] = {"example": (view, examples, {}, _compressed(examples, 1))}
    if count:
        dimensions = ("other_place", "elsewhere")
        found |= {
            "elsewhere": ("elsewhere", plan.elsewhere, {"long_name": "number of the image"}),
            "elsewhere_probability": ((*dimensions, "output"), probability, {"units": "probability"}),
            "elsewhere_value": (dimensions, value, {"units": "return"}),
            "elsewhere_activity": (
                (*dimensions, "unit"),
                activity[plan.layer],
                {"units": "activity", "long_name": plan.layer},
            ),
        }
        for name in plan.memory:
            about = {"units": "activity", "long_name": name}
            found[f"elsewhere_{name}_activity"] = ((*dimensions, f"{name}_unit"), activity[name], about)
    return found


def _compressed(views: np.ndarray, together: int) -> dict[str, Any]:
    """How views are written: so many of the first axis compressed together, quickly."""
    return {"zlib": True, "complevel": 1, "chunksizes": (min(together, len(views)), *views.shape[1:])}

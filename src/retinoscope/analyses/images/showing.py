"""What was shown and what it evoked, as the analyses read it that build on `shown_images`.

Every parameter has one owner: what is shown, and how, is set at `shown_images`. An analysis that is called without its
Result shows images itself, as few as it needs, and hands on to it those settings by name that are not its own:
`decoding(agent, dataset="mnist.npz", permutations=20)`. With `given={"shown_images": result}` nothing is shown again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.declaration import Given
from retinoscope.analyses.images.display import PIXELS, agent_of, evoke, place_coordinates, places_of, world_for
from retinoscope.analyses.images.shown_dataset import some_of
from retinoscope.analyses.images.shown_images import ShownImagesParameters, shown_images
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import stated, with_settings
from retinoscope.stimuli.places import Place
from retinoscope.worlds.choosing import WorldLike
from retinoscope.worlds.doom.world import DoomWorld

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

Parameters = TypeVar("Parameters", bound=Any)
_OF_SHOWING = tuple(field.name for field in dataclasses.fields(ShownImagesParameters))


def own_and_handed_on(parameters: Parameters, settings: Mapping[str, Any]) -> tuple[Parameters, dict[str, Any]]:
    """The parameters of an analysis with those settings that are its own, and the settings for `shown_images`."""
    own = {field.name for field in dataclasses.fields(parameters)}
    handed_on = {name: value for name, value in settings.items() if name in _OF_SHOWING and name not in own}
    chosen = with_settings(parameters, {name: value for name, value in settings.items() if name not in handed_on})
    return chosen, handed_on


def what_was_shown(
    agent: Agent | Policy,
    world: WorldLike | None,
    given: Given | None,
    handed_on: Mapping[str, Any],
    needed: Mapping[str, Any],
    progress: bool = False,
) -> Showing:
    """What was shown according to the given Result of `shown_images`; without one, images are shown here.

    Args:
        agent: who looks, or its policy.
        world: whose view the images are shown in; None for the one the agent was trained in.
        given: Results by the name of their analysis.
        handed_on: settings of `shown_images` that the caller was called with.
        needed: settings of it that make it show no more than the caller needs.
        progress: show a progress bar.

    Raises:
        UserError: settings come with a Result that was made with others, or the Result is of another agent; or as
            `shown_images`.
    """
    agent = agent_of(agent)
    where = world_for(agent, world)
    result = (given or {}).get("shown_images")
    if result is None:
        result = shown_images(agent, world=where, progress=progress, **{**needed, **handed_on})
    elif handed_on:
        names = ", ".join(handed_on)
        raise UserError(f"{names}: belongs to shown_images, whose Result was given; leave out one of the two")
    elif (result.provenance["agent"], result.provenance["checkpoint_sha256"]) != (agent.name, agent.checkpoint_sha256):
        shown_to = result.provenance["agent"]
        raise UserError(f"shown_images: images were shown to {shown_to!r}, not to {agent.name!r}; give that agent")
    return Showing(agent, where, result)


@dataclass(frozen=True)
class Showing:
    """A Result of `shown_images`, with the agent it is of.

    Attributes:
        agent: who looked.
        world: whose view the images stood in.
        source: the Result.
    """

    agent: Agent
    world: DoomWorld
    source: Result

    @property
    def name(self) -> str:
        """Of the data set."""
        return str(self.source.parameters["dataset"])

    @property
    def labels(self) -> np.ndarray:
        """(image,) the class of every image."""
        return np.asarray(self.source.data["label"].values)

    @property
    def is_test(self) -> np.ndarray:
        """(image,) bool, the held-out part."""
        return np.asarray(self.source.data["is_test"].values, bool)

    @property
    def class_names(self) -> tuple[str, ...]:
        """From the most harmful to the most healing."""
        return tuple(str(name) for name in self.source.data["class"].values)

    @property
    def effects(self) -> tuple[int, ...]:
        """(class,) change of health, rising."""
        return tuple(int(each) for each in self.source.data["effect"].values)

    @property
    def places(self) -> tuple[Place, ...]:
        """Where images were shown."""
        return places_of(self.source.data)

    @property
    def place(self) -> Place:
        """Where all images were shown: the first place."""
        return self.places[0]

    @property
    def layer(self) -> str:
        """The one whose activity is kept as it was."""
        return str(self.source.parameters["layer"])

    @property
    def layers(self) -> tuple[str, ...]:
        """Those whose scores are kept, the pixels first."""
        return tuple(self.source.parameters["layers"])

    @property
    def own(self) -> str:
        """The checkpoint that the agent itself is."""
        return str(self.source.parameters["own_checkpoint"])

    @property
    def kept(self) -> np.ndarray:
        """Numbers, rising, of the images whose views are kept."""
        return np.asarray(self.source.data["kept"].values)

    @property
    def fitted(self) -> np.ndarray:
        """Numbers, rising, of the images that components were fitted to; their views are kept."""
        return np.asarray(self.source.data["fitted"].values)

    @property
    def components(self) -> int:
        """Principal components of a layer that are kept, at most."""
        return int(self.source.parameters["components"])

    @property
    def empty_view(self) -> np.ndarray:
        """(height, width, 3) uint8, what is seen where nothing is shown."""
        return np.asarray(self.source.data["empty_view"].values)

    def some(self, most: int, where: np.ndarray | None = None) -> np.ndarray:
        """Numbers, rising, of at most `most` images, as `some_of` chooses them; fewer are always among more."""
        return some_of(self.labels, most, int(self.source.parameters["seed"]), where)

    def require_both_parts(self, images: np.ndarray, of: str) -> None:
        """Refuse images among which a class is missing in the training or in the held-out part.

        Raises:
            NotMeasurable: one is; `of` is the parameter to raise.
        """
        for part, name in ((self.is_test[images], "held-out"), (~self.is_test[images], "training")):
            counts = np.bincount(self.labels[images][part], minlength=len(self.class_names))
            if not counts.all():
                missing = self.class_names[int(counts.argmin())]
                raise NotMeasurable(
                    f"of {len(images)} images of {self.name}, none of class {missing!r} is of the {name} part, which "
                    f"decoding needs; raise {of}"
                )

    def views(self, images: np.ndarray, of: str) -> np.ndarray:
        """(image, height, width, 3) uint8, what was seen of these images; `of` is what to raise if they are not kept.

        Raises:
            NotMeasurable: not all of them are kept.
        """
        return np.asarray(self.source.data["observation"].values[self._rows(images, self.kept, of)])

    def activity(self, layer: str, images: np.ndarray, of: str) -> np.ndarray:
        """(image, unit) float32, what these images evoked in a layer, `pixels` being their views.

        Raises:
            NotMeasurable: not all of them are kept.
        """
        if layer == self.layer:
            return np.asarray(self.source.data["activity"].values[self._rows(images, self.kept, of)])
        views = self.views(images, of)
        if layer == PIXELS:
            return views.reshape(len(views), -1).astype(np.float32)
        return evoke(self.agent.policy, views, (layer,)).activity[layer]

    def values(self, images: np.ndarray, of: str) -> np.ndarray:
        """(image,) float32, the critic's value at the first place; NaN without a critic, and of Results of before.

        Raises:
            NotMeasurable: not all of them are kept.
        """
        rows = self._rows(images, self.kept, of)
        kept = self.source.data.get("value")
        return np.full(len(rows), np.nan, np.float32) if kept is None else np.asarray(kept.values[rows])

    def scores(self, layer: str, checkpoint: str) -> np.ndarray:
        """(image, component) float32, principal component scores of every image.

        Raises:
            NotMeasurable: those of the layer are not kept.
        """
        if layer not in self.layers:
            self.agent.policy.layer(layer)
            raise NotMeasurable(
                f"layer {layer!r}: shown_images kept the scores of {', '.join(self.layers) or 'no layer'}; name it in "
                "shown_images.layers too"
            )
        found = self.source.data[f"{layer}_score"]
        return np.asarray((found if layer == PIXELS else found.sel(checkpoint=checkpoint)).values)

    def probabilities(self, images: np.ndarray, checkpoint: str) -> np.ndarray:
        """(image, output) float32 at the first place.

        Raises:
            NotMeasurable: they were not shown.
        """
        found = np.asarray(self.source.data["probability"].sel(checkpoint=checkpoint).values[images])
        if np.isnan(found).any():
            raise NotMeasurable(
                f"{len(images)} images are asked for, {len(self.kept)} were shown; raise shown_images.images"
            )
        return found

    @property
    def logits(self) -> np.ndarray:
        """(image, output) float32 of the agent itself at the first place."""
        return np.asarray(self.source.data["logit"].values)

    def at_every_place(self, images: np.ndarray, what: str) -> np.ndarray:
        """(place, image, ...) float32: `probability` or `activity` of the agent itself.

        Raises:
            NotMeasurable: not all of them were shown at every place.
        """
        first = (
            self.probabilities(images, self.own)
            if what == "probability"
            else self.activity(self.layer, images, "images")
        )
        if len(self.places) == 1:
            return first[None]
        numbers = self.source.data["elsewhere"].values if "elsewhere" in self.source.data else np.zeros(0, int)
        rows = self._rows(images, numbers, "images_elsewhere")
        return np.concatenate([first[None], self.source.data[f"elsewhere_{what}"].values[:, rows]])

    def coordinates(self, places: tuple[Place, ...]) -> dict[str, Any]:
        """Classes and places as coordinates of a Result."""
        effect = self.source.data["effect"]
        return {"class": list(self.class_names), "effect": ("class", effect.values, effect.attrs)} | place_coordinates(
            places
        )

    def result(
        self, name: str, data: xarray.Dataset, parameters: Any, recording: Recording | None = None, **more: Any
    ) -> Result:
        """A Result with the parameters of an analysis, what else is to be stated, and where it came from."""
        came_from = provenance(agent=self.agent, recording=recording, world=self.world, dataset=self.name)
        return Result(name, data, {**stated(parameters), "dataset": self.name, **more}, came_from)

    def _rows(self, images: np.ndarray, among: np.ndarray, of: str) -> np.ndarray:
        if not np.isin(images, among).all():
            raise NotMeasurable(
                f"{len(images)} images are asked for, of which shown_images keeps "
                f"{int(np.isin(images, among).sum())}; raise shown_images.{of}"
            )
        return np.searchsorted(among, images)

"""The responses of a layer to the images of a data set in the plane: principal components and t-SNE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.images.display import PIXELS, display, gathered
from retinoscope.analyses.images.shown_dataset import Dataset
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.scenarios import ArenaArchive
from retinoscope.statistics.decoding import fit_reduction
from retinoscope.statistics.embedding import affinities, embed, initial_embedding, nearest_neighbours
from retinoscope.stimuli.places import Presentation

NEIGHBOURS = 10
"""Of these nearest neighbours in the activity, the share that is still among them in the plane is reported."""


@dataclass(frozen=True)
class EmbeddingParameters:
    """Parameters of `dataset_embedding`.

    Attributes:
        layers: None for the pixels and the last dense layer.
        images: shown at most, as evenly over classes as the set allows.
        perplexity: of t-SNE, an effective number of neighbours.
        components: principal components that t-SNE works on, at most.
        seed: of the choice of images and of t-SNE.
    """

    layers: tuple[str, ...] | None = None
    images: int = 1_000
    perplexity: float = 30.0
    components: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        if self.images < 2 or self.components < 2:
            raise UserError(f"images {self.images}, components {self.components}: are too few; give at least 2 of each")
        if not self.perplexity >= 2:
            raise UserError(f"perplexity {self.perplexity:g}: is too small; give at least 2")


def dataset_embedding(
    agent: Agent | Policy,
    arena: ArenaArchive | None = None,
    dataset: Dataset = None,
    *,
    presentation: Presentation | None = None,
    class_effects: Mapping[str, int] | None = None,
    parameters: EmbeddingParameters | None = None,
    progress: bool = False,
) -> Result:
    """Embed what images evoke in layers, at the first place of the presentation.

    Args:
        agent: an agent or its policy.
        arena: whose view the images are shown in; None for the one the agent was trained in.
        dataset: what `load_labelled_images` takes, or its result; None for the images of the arena.
        presentation: how images are shown; None for the defaults.
        class_effects: change of health per class, where the arena does not say.
        parameters: None for the defaults.
        progress: show progress bars.

    Returns:
        A Result with, for every layer (here fc), `fc_principal` and `fc_tsne` (image, axis) float32, `fc_share` (axis),
        the variance along the components; `preserved` (layer, embedding), share of the `NEIGHBOURS` nearest neighbours
        in the activity that are among those in the plane, and `preserved_chance`; `same_class` (layer, space), share
        of nearest neighbours that are of the image's own class, in the activity and in both planes, and
        `same_class_chance`. `label` (image), the class.

    Raises:
        UserError: the data set or the presentation cannot be used, there is no such layer, or too few images.
    """
    parameters = parameters or EmbeddingParameters()
    images = display(agent, arena, dataset, presentation, class_effects)
    shown, place = images.shown, images.place
    layers = parameters.layers if parameters.layers is not None else (PIXELS, images.last_dense_layer())
    chosen = shown.some(parameters.images, parameters.seed)
    needed = NEIGHBOURS + 2
    if len(chosen) < needed:
        raise UserError(f"embedding: {len(chosen)} images are too few; show at least {needed}")
    # A perplexity needs three times as many neighbours; of a small set it is lowered, and what was taken is stated.
    perplexity = min(parameters.perplexity, (len(chosen) - 2) / 3)
    labels = shown.labels[chosen]
    activity = gathered(images.policy, images.arena, shown.images[chosen], place, layers, progress)
    variables: dict[str, Any] = {"label": ("image", labels, {"long_name": "index of the class"})}
    preserved, same = np.empty((len(layers), 2)), np.empty((len(layers), 3))
    for number, layer in enumerate(layers):
        values = activity.pop(layer)
        scores = _scores(values, parameters.components)
        neighbours, distances = nearest_neighbours(scores, max(int(3 * perplexity), NEIGHBOURS))
        weights = affinities(neighbours, distances, perplexity)
        plane = embed(weights, initial_embedding(scores), parameters.seed)
        total = float(values.var(axis=0, dtype=np.float64).sum())
        spaces = [neighbours[:, :NEIGHBOURS]]
        spaces += [nearest_neighbours(each, NEIGHBOURS)[0] for each in (scores[:, :2], plane)]
        preserved[number] = [_overlap(spaces[0], each) for each in spaces[1:]]
        same[number] = [float((labels[each] == labels[:, None]).mean()) for each in spaces]
        variables |= {
            f"{layer}_principal": (("image", "axis"), scores[:, :2].astype(np.float32), {"units": "activity"}),
            f"{layer}_tsne": (("image", "axis"), plane.astype(np.float32)),
            f"{layer}_share": ("axis", scores[:, :2].var(axis=0) / max(total, 1e-30), {"units": "1"}),
        }
    shares = np.bincount(labels) / len(labels)
    variables |= {
        "preserved": (("layer", "embedding"), preserved, {"units": "1"}),
        "preserved_chance": ((), NEIGHBOURS / (len(labels) - 1), {"units": "1"}),
        "same_class": (("layer", "space"), same, {"units": "1"}),
        "same_class_chance": ((), float((shares**2).sum()), {"units": "1"}),
    }
    coordinates: dict[str, Any] = {"layer": list(layers), "embedding": ["principal", "tsne"]}
    coordinates |= {"space": ["activity", "principal", "tsne"], **images.coordinates((place,))}
    data = xarray.Dataset(variables, coords=coordinates)
    data.attrs["caption"] = (
        f"n = {len(labels):,} images of {shown.name}, {place}. t-SNE of the first {parameters.components} principal "
        f"components at most, perplexity {perplexity:.3g}, started from the first two, learning rate n / exaggeration. "
        f"Beside each embedding: share of the {NEIGHBOURS} nearest neighbours in the activity that it keeps (chance "
        f"{NEIGHBOURS / (len(labels) - 1):.3f}), and share of its neighbours that are of the same class (chance "
        f"{float((shares**2).sum()):.2f}; in the activity itself, in brackets)."
    )
    return images.result(
        "dataset_embedding",
        data,
        parameters,
        layers=list(layers),
        perplexity=perplexity,
        place=str(place),
        neighbours=NEIGHBOURS,
    )


def _scores(values: np.ndarray, components: int) -> np.ndarray:
    """Principal component scores of activity that is centred but not scaled: (image, at least 2 components) float64."""
    centred = values - values.mean(axis=0, dtype=np.float64)
    scale = max(float(centred.std()), 1e-30)
    reduction = fit_reduction(centred / scale, components, standardise=False)
    scores = np.asarray(reduction.scores(centred / scale), np.float64) * scale
    return np.pad(scores, ((0, 0), (0, max(0, 2 - scores.shape[1]))))


def _overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Mean share of each row of indices that is also in the same row of the other."""
    return float(np.mean([len(np.intersect1d(a, b)) / len(a) for a, b in zip(first, second, strict=True)]))

"""The responses of a layer to the images of a data set in the plane: principal components and t-SNE."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.declaration import AGENT, SHOWS_IMAGES, WORLD, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.analyses.exploring import Panel, TablePanel
from retinoscope.analyses.images.display import PIXELS, encoder_output
from retinoscope.analyses.images.showing import own_and_handed_on, what_was_shown
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.settings import parameters, setting
from retinoscope.statistics.decoding import fit_reduction
from retinoscope.statistics.embedding import affinities, embed, initial_embedding, nearest_neighbours
from retinoscope.worlds.choosing import WorldLike

NEIGHBOURS = 10
"""Of these nearest neighbours in the activity, the share that is still among them in the plane is reported."""


@parameters("dataset embedding")
class DatasetEmbeddingParameters:
    """Parameters of `dataset_embedding`."""

    layers: tuple[str, ...] | None = setting(
        None, "layers that are embedded; none for the pixels and the last dense layer", fewest=1
    )
    images: int = setting(
        1_000, "number of images that are embedded, at most, as evenly over classes as the set allows", least=2
    )
    perplexity: float = setting(
        30.0, "perplexity of t-SNE, an effective number of neighbours; lowered for few images", least=2
    )
    components: int = setting(50, "principal components that t-SNE works on, at most", least=2)
    seed: int = setting(
        0, "seed of t-SNE, and of the choice of images if they are shown for this analysis alone", least=0
    )


def dataset_embedding(
    agent: Agent | Policy,
    *,
    world: WorldLike | None = None,
    given: Given | None = None,
    parameters: DatasetEmbeddingParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Embed what images evoke in layers, at the first place of the presentation.

    Args:
        agent: an agent or its policy.
        world: whose view the images are shown in; None for the one the agent was trained in.
        given: the Result of `shown_images`, if it is at hand; else images are shown here.
        parameters: see `DatasetEmbeddingParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `DatasetEmbeddingParameters` that replace those of `parameters`, and of
            `ShownImagesParameters` (dataset, presentation, class_effects, ...) where images are shown here.

    Returns:
        A Result with, for every layer (here fc), `fc_principal` and `fc_tsne` (image, axis) float32, `fc_share` (axis),
        the variance along the components; `preserved` (layer, embedding), share of the `NEIGHBOURS` nearest neighbours
        in the activity that are among those in the plane, and `preserved_chance`; `same_class` (layer, space), share
        of nearest neighbours that are of the image's own class, in the activity and in both planes, and
        `same_class_chance`. `label` (image), the class.

    Raises:
        NotMeasurable: too few images were shown.
        UserError: a parameter is unknown or out of range, images cannot be shown, or there is no such layer.
    """
    chosen, handed_on = own_and_handed_on(parameters or DatasetEmbeddingParameters(), settings)
    needed = {"images": chosen.images, "images_elsewhere": 0, "held_out_per_class": 0, "layers": ()}
    needed |= {"checkpoints": False, "seed": chosen.seed}
    shown = what_was_shown(agent, world, given, handed_on, needed, progress)
    policy = shown.agent.policy
    layers = (PIXELS, encoder_output(policy)) if chosen.layers is None else chosen.layers
    for layer in layers:
        if layer != PIXELS:
            policy.layer(layer)
    images = shown.some(chosen.images)
    fewest = NEIGHBOURS + 2
    if len(images) < fewest:
        raise UserError(f"embedding: {len(images)} images are too few; show at least {fewest}")
    # A perplexity needs three times as many neighbours; of a small set it is lowered, and what was taken is stated.
    perplexity = min(chosen.perplexity, (len(images) - 2) / 3)
    labels = shown.labels[images]
    variables: dict[str, Any] = {"label": ("image", labels, {"long_name": "index of the class"})}
    preserved, same = np.empty((len(layers), 2)), np.empty((len(layers), 3))
    for number, layer in enumerate(layers):
        values = shown.activity(layer, images, "images")
        scores = _scores(values, chosen.components)
        neighbours, distances = nearest_neighbours(scores, max(int(3 * perplexity), NEIGHBOURS))
        weights = affinities(neighbours, distances, perplexity)
        plane = embed(weights, initial_embedding(scores), chosen.seed)
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
    coordinates |= {"space": ["activity", "principal", "tsne"], **shown.coordinates((shown.place,))}
    data = xarray.Dataset(variables, coords=coordinates)
    data.attrs["caption"] = (
        f"n = {len(labels):,} images of {shown.name}, {shown.place}. t-SNE of the first {chosen.components} principal "
        f"components at most, perplexity {perplexity:.3g}, started from the first two, learning rate n / exaggeration. "
        f"Beside each embedding: share of the {NEIGHBOURS} nearest neighbours in the activity that it keeps (chance "
        f"{NEIGHBOURS / (len(labels) - 1):.3f}), and share of its neighbours that are of the same class (chance "
        f"{float((shares**2).sum()):.2f}; in the activity itself, in brackets)."
    )
    said: dict[str, Any] = {
        "layers": list(layers),
        "perplexity": perplexity,
        "place": str(shown.place),
        "neighbours": NEIGHBOURS,
    }
    return shown.result("dataset_embedding", data, chosen, **said)


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


def _draw(result: Result) -> list[Drawing]:
    from retinoscope.figures.dataset_embedding import dataset_embedding as figure_of

    caption = result.data.attrs["caption"]
    draw = functools.partial(figure_of, result)
    return [FigureDrawing("dataset_embedding", "Responses to images in the plane", caption, draw, says_caption=True)]


def _explore(result: Result) -> list[Panel]:
    """What the planes are worth; the points are images, no moments of a recording."""
    data = result.data
    shares = np.concatenate([data["preserved"].values, data["same_class"].values], axis=1).round(3).tolist()
    rows = tuple((str(name), *each) for name, each in zip(data["layer"].values, shares, strict=True))
    columns = ("layer", *(f"neighbours kept, {each}" for each in data["embedding"].values))
    columns += tuple(f"neighbours of the same class, {each}" for each in data["space"].values)
    return [TablePanel("dataset_embedding", "What the planes keep", data.attrs["caption"], columns, rows)]


ANALYSIS = Analysis(
    name="dataset_embedding",
    title="Responses in the plane",
    group="images",
    summary="What images evoke in a layer, laid out in the plane so that like responses are near each other.",
    run=dataset_embedding,
    parameters=DatasetEmbeddingParameters,
    of="agent",
    needs=(AGENT, WORLD, SHOWS_IMAGES),
    builds_on=("shown_images",),
    draw=_draw,
    explore=_explore,
    rank=20,
    methods="""
        What {{ sizes.image }} images of {{ dataset }} ({{ place }}) evoke in {{ layers | listed }} was laid out
        by the first two principal components and by t-SNE [@maaten2008; @kobak2019] of {{ components }}
        components at most (perplexity {{ perplexity }}). Beside each stand the share of the {{ neighbours }}
        nearest neighbours that it keeps, and the share that are of the image's own class (seed {{ seed }}).
    """,
)

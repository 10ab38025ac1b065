"""Embedding: t-SNE of the activity of stored layers at the same moments, and how far to trust it."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic
import scipy.sparse
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.affinity_cache import Arrays, cached, content_key
from retinoscope.analyses.behaviour.convolutions import stored_layers
from retinoscope.analyses.behaviour.embedding_evidence import evidence, evidence_sentences
from retinoscope.analyses.behaviour.embedding_points import Points, points_of
from retinoscope.analyses.decisions import LeftOut, left_out
from retinoscope.analyses.declaration import AGENT, RECORDING, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.analyses.exploring import Panel, PointsPanel
from retinoscope.analyses.recorded import in_units, require_same
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.embedding import (
    EARLY_EXAGGERATION,
    EARLY_ITERATIONS,
    ITERATIONS,
    NEIGHBOURS_PER_PERPLEXITY,
    affinities,
    embed,
    fewest_points,
    initial_embedding,
    nearest_neighbours,
)

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

_FEW_DISTINCT = 0.5  # share of the points
DRAWN_NUMBERS = 3
"""Numbers of the world by which an embedding is drawn unasked."""

_COLOURED_BY = {
    "value": "the critic's value",
    "action": "the action",
    "nearest": "the class of the nearest object in view",
    "event": "what happens next",
    "seconds": "time in the episode",
    "episode": "episode",
}


@parameters("embedding")
class EmbeddingParameters:
    """Parameters of `embedding`."""

    layers: tuple[str, ...] | None = setting(
        None, "stored layers; none for those that stand for the network: of more than six, by their roles", fewest=1
    )
    maximum_points: int = setting(
        100_000,
        "points that are embedded; of a longer recording, so many at even distances",
        units="decisions",
        least=1,
    )
    perplexity: float = setting(30.0, "perplexity of t-SNE", least=1)
    neighbours: int = setting(
        10,
        f"number of neighbours that judge the embedding; at most {NEIGHBOURS_PER_PERPLEXITY} times the perplexity",
        least=1,
    )
    time_neighbour_seconds: float | None = setting(
        None,
        "neighbours of the same episode within so much time are mere neighbours in time, and what happens within it "
        "happens next; none for 1 s, or 8 decisions where the world has no time of its own",
        units="s",
        above=0,
    )
    burn_in_steps: int | None = setting(
        None,
        "left out at the start of every episode; none for what `burn_in` finds",
        units="decisions",
        least=0,
    )
    jobs: int | None = setting(None, "threads; none for all cores. t-SNE of more than 5,000 points uses one", least=1)
    seed: int = setting(0, "seed of what breaks ties between points that start at the same place", least=0)

    @property
    def fewest_points(self) -> int:
        """How many points there have to be."""
        return max(fewest_points(self.perplexity), self.neighbours + 2)

    @pydantic.model_validator(mode="after")
    def _fit_together(self) -> EmbeddingParameters:
        if self.neighbours > int(NEIGHBOURS_PER_PERPLEXITY * self.perplexity):
            raise UserError(
                f"embedding: {self.neighbours} neighbours; give at most {NEIGHBOURS_PER_PERPLEXITY} times the "
                "perplexity"
            )
        if self.maximum_points < self.fewest_points:
            raise UserError(
                f"embedding: maximum_points is {self.maximum_points}; perplexity {self.perplexity:g} with "
                f"{self.neighbours} neighbours needs at least {self.fewest_points}"
            )
        return self


def embedding(
    recording: Recording,
    *,
    agent: Agent | None = None,
    given: Given | None = None,
    parameters: EmbeddingParameters | None = None,
    cache: Path | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Embed the activity of layers in the plane, the same decisions for all of them.

    Memory: about 2 kB for each point and layer at the default perplexity, most of it affinities.

    Args:
        recording: what the agent saw, did and computed.
        agent: that of the recording, which lets the burn-in be measured directly; may be left out.
        given: the Result of `burn_in`, if it is at hand.
        parameters: see `EmbeddingParameters`; single ones may be given by name instead.
        cache: a folder in which affinities and finished embeddings are kept and found again; None for none.
        progress: show progress bars on standard error if that is a terminal.
        **settings: fields of `EmbeddingParameters` that replace those of `parameters`.

    Returns:
        A Result with `embedding` (layer, point, axis). By `point`: `row` of the recording, `value`, if there is a
        critic, every number of the world under its own name (attribute `variables`), `action` (index in `action_name`;
        not where actions are continuous), `nearest` (index in `nearest_name`: the class of the nearest object in view,
        the last for nothing in view), if the world lists objects, `event` (index in `event_name`: what happens first
        within `time_neighbour_seconds`, the last for nothing), if it has events, `seconds` in the episode, `episode`.
        By `layer`, over `neighbours` nearest neighbours: `kept`, the share that is kept of the original ones, and
        `time_share`, the share that is of the same episode and close in time, both with 95% bootstrap intervals over
        episodes (`_low`, `_high`); `time_share_original`, the same before embedding; `kept_chance`,
        `time_share_chance`, `time_share_most`. By `layer` and `label` (action, nearest): `same_label`, share of
        neighbours, those in time left out, with the same label, `same_label_original`, `same_label_chance` (label).

    Raises:
        UserError: a parameter is unknown or out of range, the recording is of another agent, or a layer is not in it.
        NotMeasurable: there is no layer that could be embedded, or there are too few decisions.
    """
    chosen = with_settings(parameters or EmbeddingParameters(), settings)
    if agent is not None:
        require_same(recording, agent)
    layers = _layers(recording, chosen)
    kept = [left_out(recording, name, chosen.burn_in_steps, agent=agent, given=given) for name in layers]
    start = max(kept, key=lambda each: each.steps)
    rows = _rows(recording, start, chosen)
    clock = recording.world.clock
    close = in_units(chosen.time_neighbour_seconds, clock, 1.0, 8.0)
    within = max(1, round(close / clock.per_decision))
    with progress_bar("embedding: decisions", recording.frames, progress) as advance:
        points: Points = points_of(recording, rows, layers, within, advance)
    activity, data = points
    jobs = chosen.jobs or len(os.sched_getaffinity(0))
    found = {name: _embed(activity[name], name, chosen, jobs, cache, progress) for name in layers}
    data["embedding"] = (("layer", "point", "axis"), np.stack([each["embedding"] for each in found.values()]))
    data = data.assign_coords(layer=list(layers))
    data = data.merge(
        evidence(data, [each["neighbours"] for each in found.values()], within, jobs), combine_attrs="no_conflicts"
    )
    data.attrs["caption"] = " ".join([_caption(data, recording, start, chosen), *_repeats(activity, layers)])
    data.attrs["evidence"] = evidence_sentences(data, chosen.neighbours, within)
    said = stated(chosen) | {"layers": list(layers), "time_neighbour_seconds": close, "time_neighbour_steps": within}
    return Result("embedding", data, said, provenance(recording=recording))


def _layers(recording: Recording, chosen: EmbeddingParameters) -> tuple[str, ...]:
    stored = recording.attributes["layers"]
    for name in chosen.layers or ():
        if name not in stored:
            raise UserError(f"embedding of {name!r}: is not in {recording.path}; choose from {', '.join(stored)}")
    layers = tuple(dict.fromkeys(chosen.layers or stored_layers(recording)))
    if not layers:
        raise NotMeasurable(f"{recording.path}: has no dense or recurrent layer that could be embedded")
    return layers


def _rows(recording: Recording, start: LeftOut, chosen: EmbeddingParameters) -> NDArray[np.int64]:
    """The rows that are embedded."""
    kept = np.flatnonzero(recording.rows(names=())["step"].values >= start.steps)
    if len(kept) < chosen.fewest_points:
        raise NotMeasurable(
            f"{recording.path}: has {len(kept)} decisions to embed behind the first {start.steps} of every episode; "
            f"perplexity {chosen.perplexity:g} needs at least {chosen.fewest_points}"
        )
    if len(kept) <= chosen.maximum_points:
        return kept
    return kept[np.linspace(0, len(kept) - 1, chosen.maximum_points).astype(np.int64)]


def _embed(
    points: NDArray[np.float32], layer: str, chosen: EmbeddingParameters, jobs: int, cache: Path | None, progress: bool
) -> Arrays:
    """`embedding` (point, axis) and `neighbours` (point, neighbour) in the space of the layer."""

    def graph() -> Arrays:
        count = int(NEIGHBOURS_PER_PERPLEXITY * chosen.perplexity)
        with progress_bar(f"neighbours in {layer}: points", len(points), progress) as advance:
            indices, distances = nearest_neighbours(points, count, jobs, advance)
        weights = affinities(indices, distances, chosen.perplexity, jobs)
        parts = {"data": weights.data, "indices": weights.indices, "indptr": weights.indptr}
        return {**parts, "neighbours": indices[:, : chosen.neighbours]}

    shaped_by: dict[str, Any] = {"perplexity": chosen.perplexity, "neighbours": chosen.neighbours}
    found = cached(cache, f"affinities-{layer}", content_key(points, shaped_by), graph)

    def optimised() -> Arrays:
        size = len(points), len(points)
        weights = scipy.sparse.csr_matrix((found["data"], found["indices"], found["indptr"]), shape=size)
        with progress_bar(f"t-SNE of {layer}: iterations", EARLY_ITERATIONS + ITERATIONS, progress) as advance:
            return {"embedding": embed(weights, initial_embedding(points), chosen.seed, jobs, advance)}

    shaped_by |= {"seed": chosen.seed, "iterations": [EARLY_ITERATIONS, ITERATIONS, EARLY_EXAGGERATION]}
    placed = cached(cache, f"embedding-{layer}", content_key(points, shaped_by), optimised)
    return {"embedding": placed["embedding"], "neighbours": found["neighbours"]}


def _caption(data: xarray.Dataset, recording: Recording, start: LeftOut, chosen: EmbeddingParameters) -> str:
    points, episodes = data.sizes["point"], len(np.unique(data["episode"].values))
    sentences = [
        f"t-SNE of n = {points:,} decisions in {episodes} episode{'s' if episodes > 1 else ''}, the same in every "
        "panel; "
        f"PCA initialisation, perplexity {chosen.perplexity:g}, learning rate n / exaggeration, "
        f"{EARLY_ITERATIONS} iterations at exaggeration {EARLY_EXAGGERATION:g} and {ITERATIONS} without, "
        f"seed {chosen.seed}."
    ]
    if points == chosen.maximum_points < recording.frames:
        sentences.append(f"They lie at even distances among the {recording.frames:,} of the recording.")
    if start.steps:
        sentences.append(f"{start.rule[0].upper()}{start.rule[1:]}.")
    return " ".join(sentences)


def _repeats(activity: Mapping[str, NDArray[np.float32]], layers: Iterable[str]) -> list[str]:
    """Sentences on layers in which most decisions have the activity of another: equal points, neighbours by chance."""
    distinct = {name: len({row.tobytes() for row in activity[name]}) for name in layers}
    return [
        f"In {name} they have {count:,} different activities: the same was seen again, and which of the equal points "
        "are each other's neighbours is chance."
        for name, count in distinct.items()
        if count < _FEW_DISTINCT * len(activity[name])
    ]


def _draw(result: Result) -> list[Drawing]:
    """The embedding, once for every variable that colours it; the first has its name."""
    from retinoscope import figures

    data = result.data
    caption = f"{data.attrs['caption']} {data.attrs['evidence']}"
    numbers = [each for each in json.loads(data.attrs["variables"]) if each["kind"] == "quantity"][:DRAWN_NUMBERS]
    words = {name: words for name, words in _COLOURED_BY.items() if name in data.variables}
    order = [name for name in ("value",) if name in words] + [each["name"] for each in numbers]
    words |= {each["name"]: each["title"] for each in numbers}
    order += [name for name in words if name not in order]
    return [
        FigureDrawing(
            f"embedding_{_file_name(data, variable)}" if number else "embedding",
            f"Embedding, coloured by {words[variable]}",
            caption,
            functools.partial(figures.embedding, result, variable),
        )
        for number, variable in enumerate(order)
    ]


def _file_name(data: xarray.Dataset, variable: str) -> str:
    if variable == "seconds" and data["seconds"].attrs.get("units", "s") != "s":
        return str(data["seconds"].attrs["units"])  # of a world that has no time of its own
    return re.sub(r"\W+", "_", variable)


def _explore(result: Result) -> list[Panel]:
    data, neighbours = result.data, result.parameters["neighbours"]
    caption, rows = f"{data.attrs['caption']} {data.attrs['evidence']}", data["row"].values
    panels: list[Panel] = []
    for layer in map(str, data["layer"].values):
        at = data.sel(layer=layer)
        note = (
            f"keeps {float(at['kept']):.0%} of the {neighbours} nearest neighbours (by chance "
            f"{float(at['kept_chance']):.1%}); {float(at['time_share']):.1%} are mere neighbours in time"
        )
        points = at["embedding"].values
        panels.append(PointsPanel(f"embedding_{layer}", f"Embedding of {layer}", caption, layer, rows, points, note))
    return panels


ANALYSIS = Analysis(
    name="embedding",
    title="Embedding",
    group="behaviour",
    summary="t-SNE of the activity of stored layers, with how much of it is kept and how much is time.",
    run=embedding,
    parameters=EmbeddingParameters,
    of="recording",
    needs=(RECORDING, AGENT),
    builds_on=("burn_in",),
    draw=_draw,
    explore=_explore,
    rank=60,
    methods="""
        The activity of {{ layers | listed }} at the same {{ sizes.point }} decisions was embedded in the plane
        by t-SNE [@maaten2008] (perplexity {{ perplexity }}), started from the first two principal components
        and at a learning rate of the number of points over the exaggeration [@kobak2019; @belkina2019]. How far
        an embedding can be trusted is told by the share of the {{ neighbours }} nearest neighbours of a
        decision that it keeps, and by the share of neighbours that are of the same episode and within {{
        time_neighbour_seconds }} {{ words.clock_units }}, with {{ interval }}% bootstrap intervals over
        episodes.
    """,
)

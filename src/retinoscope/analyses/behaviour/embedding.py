"""Embedding: t-SNE of the activity of dense and recurrent layers at the same moments, and how far to trust it."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.affinity_cache import Arrays, cached, content_key
from retinoscope.analyses.behaviour.embedding_evidence import evidence, evidence_sentences
from retinoscope.analyses.decisions import LeftOut, left_out
from retinoscope.analyses.recorded import require_same
from retinoscope.errors import UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import with_settings
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

NOTHING_IN_VIEW = "nothing"
_BLOCK = 2048  # rows that are read at a time


@dataclass(frozen=True)
class EmbeddingParameters:
    """Parameters of `embedding`.

    Attributes:
        layers: dense or recurrent layers; None for all of them.
        maximum_points: decisions that are embedded; of a longer recording, so many at even distances.
        perplexity: of t-SNE.
        neighbours: of each point, by which the embedding is judged.
        time_neighbour_seconds: neighbours of the same episode within so much game time are mere neighbours in time.
        burn_in_steps: decisions left out at the start of every episode; None for what `choose_burn_in` finds.
        jobs: threads; None for all cores.
        seed: of the embedding.
    """

    layers: tuple[str, ...] | None = None
    maximum_points: int = 100_000
    perplexity: float = 30.0
    neighbours: int = 10
    time_neighbour_seconds: float = 1.0
    burn_in_steps: int | None = None
    jobs: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("maximum_points", 1), ("neighbours", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise UserError(f"embedding: {name} is {getattr(self, name)}; give at least {least}")
        if not self.perplexity >= 1:
            raise UserError(f"embedding: perplexity is {self.perplexity}; give at least 1")
        if self.neighbours > int(NEIGHBOURS_PER_PERPLEXITY * self.perplexity):
            raise UserError(
                f"embedding: {self.neighbours} neighbours; give at most {NEIGHBOURS_PER_PERPLEXITY} times the "
                "perplexity"
            )
        if not self.time_neighbour_seconds > 0:
            raise UserError(
                f"embedding: time_neighbour_seconds is {self.time_neighbour_seconds}; give a number above 0"
            )
        if self.jobs is not None and self.jobs < 1:
            raise UserError(f"embedding: jobs is {self.jobs}; give at least 1")
        if self.layers is not None and not self.layers:
            raise UserError("embedding: no layers; name at least one")


def embedding(
    recording: Recording,
    agent: Agent | None = None,
    parameters: EmbeddingParameters | None = None,
    *,
    cache: Path | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Embed the activity of layers in the plane, the same decisions for all of them.

    Memory: about 2 kB for each point and layer at the default perplexity, most of it affinities.

    Args:
        recording: what the agent saw, did and computed.
        agent: that of the recording, which lets the burn-in be measured directly; may be left out.
        parameters: see `EmbeddingParameters`; single ones may be given by name instead.
        cache: a folder in which affinities and finished embeddings are kept and found again; None for none.
        progress: show progress bars on standard error if that is a terminal.
        **settings: fields of `EmbeddingParameters` that replace those of `parameters`.

    Returns:
        A Result with `embedding` (layer, point, axis). By `point`: `row` of the recording, `value`, `health`, `action`
        (index in `action_name`), `nearest` (index in `nearest_name`: the class of the nearest object in view, the last
        for nothing in view), `seconds` in the episode, `episode`. By `layer`, over `neighbours` nearest neighbours:
        `kept`, the share that is kept of the original ones, and `time_share`, the share that is of the same episode and
        close in time, both with 95% bootstrap intervals over episodes (`_low`, `_high`); `time_share_original`, the
        same before embedding; `kept_chance`, `time_share_chance`, `time_share_most`. By `layer` and `label` (action,
        nearest):
        `same_label`, share of neighbours, those in time left out, with the same label, `same_label_original`,
        `same_label_chance` (label).

    Raises:
        UserError: a parameter is unknown or out of range, the recording is of another agent, a layer is not in it, or
            there are too few decisions.
    """
    chosen = with_settings(parameters or EmbeddingParameters(), settings, "embedding")
    if agent is not None:
        require_same(recording, agent)
    layers = _layers(recording, chosen)
    kept = {
        name: left_out(recording, name, chosen.burn_in_steps, None if agent is None else agent.policy)
        for name in layers
    }
    start = max(kept.values(), key=lambda each: each.steps)
    rows = _rows(recording, start, chosen)
    activity, data = _points(recording, rows, layers, progress)
    jobs = chosen.jobs or len(os.sched_getaffinity(0))
    found = {name: _embed(activity[name], name, chosen, jobs, cache, progress) for name in layers}
    data["embedding"] = (("layer", "point", "axis"), np.stack([each["embedding"] for each in found.values()]))
    data = data.assign_coords(layer=list(layers))
    seconds = _seconds_per_decision(recording)
    within = max(1, round(chosen.time_neighbour_seconds / seconds))
    data = data.merge(evidence(data, [each["neighbours"] for each in found.values()], within, jobs))
    data.attrs["caption"] = _caption(data, recording, start, chosen)
    data.attrs["evidence"] = evidence_sentences(data, chosen.neighbours, within * seconds)
    stated = dataclasses.asdict(chosen) | {"layers": list(layers), "time_neighbour_steps": within}
    return Result("embedding", data, stated, provenance(recording=recording))


def _layers(recording: Recording, chosen: EmbeddingParameters) -> tuple[str, ...]:
    stored = recording.attributes["layers"]
    for name in chosen.layers or ():
        if name not in stored:
            raise UserError(f"embedding of {name!r}: is not in {recording.path}; choose from {', '.join(stored)}")
    layers = tuple(dict.fromkeys(chosen.layers or stored))
    if not layers:
        raise UserError(f"{recording.path}: has no dense or recurrent layer that could be embedded")
    return layers


def _rows(recording: Recording, start: LeftOut, chosen: EmbeddingParameters) -> NDArray[np.int64]:
    """The rows that are embedded."""
    kept = np.flatnonzero(recording.rows(names=())["step"].values >= start.steps)
    fewest = max(fewest_points(chosen.perplexity), chosen.neighbours + 2)
    if min(len(kept), chosen.maximum_points) < fewest:
        raise UserError(
            f"{recording.path}: has {len(kept)} decisions to embed behind the first {start.steps} of every episode, of "
            f"which at most {chosen.maximum_points} are used; perplexity {chosen.perplexity:g} needs at least {fewest}"
        )
    if len(kept) <= chosen.maximum_points:
        return kept
    return kept[np.linspace(0, len(kept) - 1, chosen.maximum_points).astype(np.int64)]


def _points(
    recording: Recording, rows: NDArray[np.int64], layers: tuple[str, ...], progress: bool
) -> tuple[dict[str, NDArray[np.float32]], xarray.Dataset]:
    """Activity of the layers at these rows, and what else was the case."""
    attributes = recording.attributes
    parts: list[xarray.Dataset] = []
    nearest: list[NDArray] = []
    with progress_bar("embedding: decisions", recording.frames, progress) as advance:
        for first in range(0, recording.frames, _BLOCK):
            last = min(first + _BLOCK, recording.frames)
            wanted = rows[(rows >= first) & (rows < last)]
            if len(wanted):
                block = recording.rows(first, last, (*layers, "value", "health", "action"))
                parts.append(block.isel(time=wanted - first).load())
                objects = recording.objects(first, last)
                nothing = len(attributes["class_names"])
                classes = [objects[row - first] for row in wanted]
                nearest.append(np.array([each[0]["class_index"] if each else nothing for each in classes], np.int64))
            advance(last - first)
    activity = {name: np.concatenate([part[name].values for part in parts]) for name in layers}

    def joined(name: str) -> NDArray:
        return np.concatenate([part[name].values for part in parts])

    heads = list(attributes["action_heads"].values())
    action = np.ravel_multi_index(tuple(joined("action").astype(np.int64).T), [len(each) for each in heads])
    names = [", ".join(each for each in chosen if each != "none") or "nothing" for chosen in product(*heads)]
    effects = [*(int(each) for each in attributes["class_effects"]), 0]
    data = xarray.Dataset(
        {
            "row": ("point", rows),
            "value": ("point", joined("value"), {"units": "return", "long_name": "critic's value"}),
            "health": ("point", joined("health"), {"units": "points", "long_name": "health"}),
            "action": ("point", action),
            "nearest": ("point", np.concatenate(nearest)),
            "step": ("point", joined("step")),
            "episode": ("point", joined("episode")),
            "seconds": ("point", joined("step") * _seconds_per_decision(recording), {"units": "s"}),
        },
        coords={
            "action_name": names,
            "nearest_name": [*map(str, attributes["class_names"]), NOTHING_IN_VIEW],
            "nearest_effect": ("nearest_name", effects, {"units": "points of health"}),
        },
    )
    return activity, data


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

    stated: dict[str, Any] = {"perplexity": chosen.perplexity, "neighbours": chosen.neighbours}
    found = cached(cache, f"affinities-{layer}", content_key(points, stated), graph)

    def optimised() -> Arrays:
        size = len(points), len(points)
        weights = scipy.sparse.csr_matrix((found["data"], found["indices"], found["indptr"]), shape=size)
        with progress_bar(f"t-SNE of {layer}: iterations", EARLY_ITERATIONS + ITERATIONS, progress) as advance:
            return {"embedding": embed(weights, initial_embedding(points), chosen.seed, jobs, advance)}

    stated |= {"seed": chosen.seed, "iterations": [EARLY_ITERATIONS, ITERATIONS, EARLY_EXAGGERATION]}
    placed = cached(cache, f"embedding-{layer}", content_key(points, stated), optimised)
    return {"embedding": placed["embedding"], "neighbours": found["neighbours"]}


def _seconds_per_decision(recording: Recording) -> float:
    return float(recording.attributes["frame_skip"] / recording.attributes["tics_per_second"])


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

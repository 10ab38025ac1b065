"""Components of the memory matched over agents: which of them go up and down together on the same frames."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.between_agents.references import Standing, with_references
from retinoscope.analyses.between_agents.representations import members_of
from retinoscope.analyses.between_agents.showing_stimuli import Network, stimuli_of
from retinoscope.analyses.between_agents.side_by_side import KINDS, network_coordinates, pair_coordinates, pairs_of
from retinoscope.analyses.compared import Compared
from retinoscope.analyses.declaration import COMPARED, Analysis
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import tables_of
from retinoscope.errors import NotMeasurable
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.component_matching import match_components
from retinoscope.statistics.components import fit_components


@parameters("matched components")
class MatchedComponentsParameters:
    """Parameters of `matched_components`."""

    method: Literal["ica", "pca"] = setting("ica", "how components are found")
    components: int = setting(
        8, "number of components of each memory; fewer where it has not so many dimensions", least=1
    )
    rows: int = setting(20_000, "number of frames that are used, at most, evenly spaced", units="frames", least=16)
    shuffles: int = setting(100, "number of matchings with shifted time courses, for the level of chance", least=1)
    seed: int = setting(0, "seed of components, shuffles and random weights", least=0)


def matched_components(
    compared: Compared,
    *,
    parameters: MatchedComponentsParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Pair the components of two memories by their time courses on the same frames.

    Args:
        compared: the agents, and the frames they are shown.
        parameters: see `MatchedComponentsParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `MatchedComponentsParameters` that replace those of `parameters`.

    Returns:
        A Result over `network` (coordinates `run`, `role`, `frames_trained`), `pair` (`pair_kind`, `pair_first`,
        `pair_second`, see `side_by_side`) and `component`: `partner` and `correlation` (pair, component), see
        `ComponentMatch`; `chance` and `found` (pair), the share of components that are more alike than any by chance;
        `explained` (network, component), shares of the variance of the memory; NaN for components that are missing.

    Raises:
        UserError: a parameter is unknown or out of range.
        NotMeasurable: no frames are shown, or fewer than two networks have a memory.
    """
    chosen = with_settings(parameters or MatchedComponentsParameters(), settings)
    if not compared.frames:
        raise NotMeasurable("the memories were driven by no frames; show some, with --stimuli frames")
    beside = with_references(compared, chosen.seed)
    standing = tuple(each for each in beside.standing if each.member.agent.policy.layers_of("memory"))
    if len(standing) < 2:
        raise NotMeasurable("fewer than two of these networks have a memory")
    with progress_bar("networks", len(standing), progress) as advance:
        found = []
        for each in standing:
            found.append(_time_courses(compared, each, chosen))
            advance(1)
    pairs = pairs_of(standing)
    most = max(courses.shape[1] for courses, _ in found)
    partner = np.full((len(pairs), most), -1)
    correlation, chance = np.full((len(pairs), most), np.nan), np.full(len(pairs), np.nan)
    share = np.full(len(pairs), np.nan)
    for number, pair in enumerate(pairs):
        one, other = found[pair.first][0], found[pair.second][0]
        if not (one.shape[1] and other.shape[1]):
            continue
        match = match_components(one, other, chosen.shuffles, chosen.seed)
        partner[number, : one.shape[1]], correlation[number, : one.shape[1]] = match.partner, match.correlation
        chance[number], share[number] = match.chance, match.is_found.mean()
    explained = np.full((len(standing), most), np.nan)
    for number, (courses, shares) in enumerate(found):
        explained[number, : courses.shape[1]] = shares
    data = xarray.Dataset(
        {
            "partner": (("pair", "component"), partner, {"long_name": "number of the second memory's component"}),
            "correlation": (("pair", "component"), correlation, {"units": "1"}),
            "chance": ("pair", chance, {"units": "1"}),
            "found": ("pair", share, {"units": "1"}),
            "explained": (("network", "component"), explained, {"units": "1"}),
        },
        coords=network_coordinates(standing) | pair_coordinates(pairs, standing),
    )
    used = found[0][0].shape[0]
    data.attrs["caption"] = _caption(stimuli_of(compared)[0].words, used, chosen, beside.note)
    return Result("matched_components", data, stated(chosen), provenance(members=members_of(standing)))


def _time_courses(
    compared: Compared, each: Standing, chosen: MatchedComponentsParameters
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(moment, component) activations on some of the frames, and the share of variance that each explains."""
    layer = each.member.agent.policy.layers_of("memory")[0]
    network = Network(each.member.agent.policy, [layer])
    shown = stimuli_of(compared)[0]
    every = -(-shown.rows // chosen.rows)
    parts, passed = [], 0
    for stretch in shown.stretches():
        rows = np.arange((-passed) % every, len(stretch.unit), every)
        parts.append(network.evoked(stretch, network.begin(stretch), rows)[layer.name])
        passed += len(stretch.unit)
    states = np.concatenate(parts).astype(np.float64)
    states = states[:, states.std(axis=0) > 1e-9]
    for count in range(min(chosen.components, states.shape[1]), 0, -1):
        try:
            fitted = fit_components(states, chosen.method, count, chosen.seed)
        except NotMeasurable:
            continue
        return fitted.transform(states), np.asarray(fitted.explained)
    return np.zeros((len(states), 0)), np.zeros(0)


def _caption(words: str, used: int, chosen: MatchedComponentsParameters, note: str) -> str:
    method = "independent" if chosen.method == "ica" else "principal"
    sentences = [
        f"n = {used:,} of {words}, which drove every memory alike. {chosen.components} {method} components of each "
        "memory, paired one to one so that the absolute correlations of their time courses add up to the most; a "
        "component matches its negative.",
        f"Found: more alike than any pair in {chosen.shuffles} matchings with time courses moved along.",
        "Began with: the networks before training; drawn anew: the same networks with other weights.",
        note,
    ]
    return " ".join(filter(None, sentences))


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    caption = str(result.data.attrs["caption"])
    about = (
        f"{caption} Each line is a pair of networks, its components from the most to the least alike; dotted, in "
        "its colour: the highest by chance, mean over pairs of the kind."
    )
    figure = FigureDrawing(
        "matched_components", "Components of the memory", about, lambda: figures.matched_components(result)
    )
    return [figure, _table(result)]


def _table(result: Result) -> TableDrawing:
    data = result.data
    rows = []
    for number, kind in enumerate(data["pair_kind"].values.tolist()):
        r = np.abs(data["correlation"].values[number])
        if np.isfinite(r).any():
            first, second = (str(data[f"pair_{each}"].values[number]) for each in ("first", "second"))
            numbers = (f"{np.nanmedian(r):.2f}", f"{float(data['chance'][number]):.2f}")
            rows.append((KINDS[kind], first, second, *numbers, f"{float(data['found'][number]):.0%}"))
    columns = ("pair", "first", "second", "median |r|", "highest by chance", "found")
    caption = str(data.attrs["caption"])
    return TableDrawing("matched_components", "Components found in both", caption, columns, tuple(rows))


ANALYSIS = Analysis(
    name="matched_components",
    title="Components of the memory, one to one",
    group="between_agents",
    summary="Which components of two memories, or of untrained ones, vary together on the same frames.",
    run=matched_components,
    parameters=MatchedComponentsParameters,
    of="compared",
    needs=(COMPARED,),
    draw=_draw,
    explore=tables_of(_draw),
    rank=20,
    methods="""
        {{ components }} components of each memory at most were found by {% if method == "ica" %}independent
        component analysis [@hyvarinen1999]{% else %}principal component analysis{% endif %} on the same frames,
        {{ rows }} of them at most, which drove every memory alike, and those of two memories paired one to one
        so that the absolute correlations of their time courses add up to the most [@kuhn1955]. A pair counts as
        found if it is more alike than any pair in {{ shuffles }} matchings in which the time courses of one
        memory were moved along by random amounts. Beside the agents stand the networks their trainings began
        with and networks with weights drawn anew, as far as these are known (seed {{ seed }}).
    """,
)

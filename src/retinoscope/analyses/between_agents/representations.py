"""Similarity of representations: every layer of every agent against every layer of every other, on the same stimuli.

Beside the agents stand, of each training, the network it began with and the same network with weights drawn anew:
layers of networks that have learned nothing are alike too, because they see the same stimuli through the same
architecture, and only what is more alike than these was learned alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.between_agents.references import References, Standing, with_references
from retinoscope.analyses.between_agents.representation_drawings import drawings
from retinoscope.analyses.between_agents.showing_stimuli import PIXELS, Network, Shown, layers_compared, stimuli_of
from retinoscope.analyses.between_agents.side_by_side import set_side_by_side
from retinoscope.analyses.compared import Compared
from retinoscope.analyses.declaration import COMPARED, Analysis, Inputs
from retinoscope.analyses.exploring import tables_of
from retinoscope.errors import NotMeasurable
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.shape_distance import Axes, ShapeDistances
from retinoscope.statistics.similarity import BlockSimilarity, Similarity, gram

MEASURES = {
    "cka": "debiased linear CKA",
    "rsa": "correlation of distances (RSA)",
    "angle": "angular shape distance, radians",
}
"""Name in the Result -> in words."""

_AXES_ROWS = 512  # stimuli that principal axes are fitted to, at most


@parameters("representations")
class RepresentationsParameters:
    """Parameters of `representations`."""

    layers: tuple[str, ...] | None = setting(
        None,
        "layers that are compared; none for all, or, of more than five convolutions, the ends of the stages",
        fewest=1,
    )
    skip: int = setting(
        0, "decisions at the start of each episode that drive memories but are not compared", units="decisions", least=0
    )
    groups: int = setting(
        10, "number of groups of episodes or images, left out one at a time for intervals", least=2, most=100
    )
    shuffles: int = setting(20, "number of shuffles of the stimuli, for the level of chance", least=1, most=1000)
    dimensions: int = setting(20, "principal components of a layer for the shape distance", least=1, most=200)
    shape_shuffles: int = setting(
        5, "number of shuffles of the stimuli for the shape distance, which takes long", least=1, most=100
    )
    seed: int = setting(0, "seed of shuffles and of random weights", least=0)


@dataclass(frozen=True)
class _Represented:
    """One representation: a layer of one network, or the pixels."""

    place: int | None
    standing: Standing | None
    layer: str

    @property
    def member(self) -> str:
        return "stimuli" if self.standing is None else self.standing.member.name

    @property
    def role(self) -> str:
        return "pixels" if self.standing is None else self.standing.role


def representations(
    compared: Compared,
    *,
    parameters: RepresentationsParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """How alike every layer of every agent is to every other, by three measures, with intervals and chance.

    Args:
        compared: the agents, and what they are shown.
        parameters: see `RepresentationsParameters`; single ones may be given by name instead.
        progress: show progress bars on standard error if that is a terminal.
        **settings: fields of `RepresentationsParameters` that replace those of `parameters`.

    Returns:
        A Result over `stimuli` (frames, images, as far as they were shown), `representation` and `other`, which are the
        same: `MEMBER · LAYER`, the pixels first, with coordinates `member`, `layer`, `run`, `frames_trained` and `role`
        (agent, untrained, redrawn, pixels). `cka`, `rsa` and `angle`, each with `..._low` and `..._high` (95%, over
        groups of episodes or images) and `..._chance`, what is reached in the shuffle that is most alike; the columns
        are in other orders there. `kept` (stimuli, representation), the share of the sum of squares in the components
        that `angle` is of. NaN where a layer never changes. `found` (measure, stimuli, member, other_member), the share
        of layers of a member whose most similar layer of the other is the one of the same name; `found_by_chance`. And
        what figures show of pairs of interest, see `set_side_by_side`.

    Raises:
        UserError: a parameter is unknown or out of range, or an agent has none of the layers.
        NotMeasurable: there are fewer than four stimuli.
    """
    chosen = with_settings(parameters or RepresentationsParameters(), settings)
    shown = stimuli_of(compared)
    beside = with_references(compared, chosen.seed)
    represented = _represented(beside.standing, chosen.layers)
    measured: list[dict[str, Any]] = []
    networks = len(beside.standing)
    with progress_bar("stimuli", sum(each.rows for each in shown) * networks, progress) as advance:
        for each in shown:
            measured.append(_measured(each, beside.standing, represented, chosen, advance))
    names = [f"{each.member} · {each.layer}" for each in represented]
    pair = ("stimuli", "representation", "other")
    variables: dict[str, Any] = {}
    for name, words in MEASURES.items():
        found: list[Similarity] = [each[name] for each in measured]
        about = {"long_name": words, "units": "rad" if name == "angle" else "1"}
        variables[name] = (pair, np.array([one.estimate for one in found]), about)
        variables[f"{name}_low"] = (pair, np.array([one.low for one in found]), about)
        variables[f"{name}_high"] = (pair, np.array([one.high for one in found]), about)
        ends = [(np.min if name == "angle" else np.max)(one.by_chance, axis=0) for one in found]
        variables[f"{name}_chance"] = (pair, np.array(ends), about)
    kept = np.array([each["kept"] for each in measured])
    variables["kept"] = (
        ("stimuli", "representation"),
        kept,
        {"units": "1", "long_name": "share of the sum of squares"},
    )
    coordinates = _coordinates(represented, names) | {"stimuli": [each.name for each in shown], "other": names}
    layers = {
        place: {one.layer: index for index, one in enumerate(represented) if one.place == place}
        for place in range(networks)
    }
    variables |= _which_find_each_other(variables, represented)
    variables |= set_side_by_side(variables, list(MEASURES), beside.standing, layers)
    data = xarray.Dataset(variables, coords=coordinates)
    data = data.set_coords([name for name in data if str(name).startswith("pair_")])
    data.attrs["caption"] = _caption(shown, beside, chosen, data)
    said = stated(chosen) | {"stimuli": [each.words for each in shown]}
    return Result("representations", data, said, provenance(members=members_of(beside.standing)))


def members_of(standing: Sequence[Standing]) -> list[dict[str, Any]]:
    """Whom a Result is of, for its provenance."""
    return [
        {
            "name": each.member.name,
            "run": each.member.run,
            "role": each.role,
            "checkpoint_sha256": "" if each.role == "redrawn" else each.member.agent.checkpoint_sha256,
            "frames_trained": each.member.agent.frames_trained,
        }
        for each in standing
    ]


def _represented(standing: Sequence[Standing], layers: Sequence[str] | None) -> list[_Represented]:
    found = [_Represented(None, None, PIXELS)]
    for place, each in enumerate(standing):
        found += [_Represented(place, each, layer.name) for layer in layers_compared(each.member.agent.policy, layers)]
    return found


def _coordinates(represented: Sequence[_Represented], names: list[str]) -> dict[str, Any]:
    trained = [np.nan if each.standing is None else each.standing.member.frames_trained for each in represented]
    return {
        "representation": names,
        "member": ("representation", [each.member for each in represented]),
        "layer": ("representation", [each.layer for each in represented]),
        "run": ("representation", ["" if each.standing is None else each.standing.member.run for each in represented]),
        "role": ("representation", [each.role for each in represented]),
        "frames_trained": ("representation", trained, {"units": "frames"}),
    }


def _measured(
    shown: Shown,
    standing: Sequence[Standing],
    represented: Sequence[_Represented],
    chosen: RepresentationsParameters,
    advance: Callable[[float], None],
) -> dict[str, Any]:
    """Pass all stimuli through all networks once, and what comes of it."""
    random = np.random.default_rng(chosen.seed)
    networks = [
        Network(
            each.member.agent.policy,
            [each.member.agent.policy.layer(one.layer) for one in represented if one.place == place],
        )
        for place, each in enumerate(standing)
    ]
    count = len(represented)
    similar = BlockSimilarity(count, chosen.groups, chosen.shuffles)
    shapes = ShapeDistances(count, chosen.dimensions, chosen.groups, chosen.shape_shuffles)
    axes: list[Axes | None] = [None] * count
    for stretch in shown.stretches():
        blocks = stretch.blocks(chosen.skip)
        if not blocks:
            for network in networks:
                network.begin(stretch)
            continue
        grams = [np.empty((count, len(rows), len(rows)), np.float32) for rows in blocks]
        scores = [np.empty((count, len(rows), chosen.dimensions)) for rows in blocks]
        squares = np.zeros((len(blocks), count))

        def note(block: int, index: int, activity: NDArray[np.float32]) -> None:
            grams[block][index] = gram(activity)  # noqa: B023 - called within this turn of the loop
            fitted = axes[index]
            if fitted is not None:
                found, total = fitted.scores(activity, chosen.dimensions)
                scores[block][index], squares[block, index] = found, total  # noqa: B023

        some = np.unique(np.concatenate(blocks[: max(1, _AXES_ROWS // len(blocks[0]))]))
        if axes[0] is None:
            axes[0] = Axes.fitted(_flat(stretch.pixels[some]), chosen.dimensions)
        for number, rows in enumerate(blocks):
            note(number, 0, _flat(stretch.pixels[rows]))
        for place, network in enumerate(networks):
            behind = network.begin(stretch)
            own = [index for index, one in enumerate(represented) if one.place == place]
            if axes[own[0]] is None:
                evoked = network.evoked(stretch, behind, some)
                for index in own:
                    axes[index] = Axes.fitted(evoked[represented[index].layer], chosen.dimensions)
            for number, rows in enumerate(blocks):
                evoked = network.evoked(stretch, behind, rows)
                for index in own:
                    note(number, index, evoked[represented[index].layer])
            advance(len(stretch.unit))
        for number, rows in enumerate(blocks):
            group = stretch.unit[rows] % chosen.groups
            orders = stretch.orders(len(rows), max(chosen.shuffles, chosen.shape_shuffles), random)
            similar.update(grams[number].astype(np.float64), group, orders[: chosen.shuffles])
            shapes.update(scores[number], squares[number], group, orders[: chosen.shape_shuffles])
    if not similar.stimuli:
        raise NotMeasurable(f"no {shown.name} are left without the first {chosen.skip} decisions; lower skip")
    return {**similar.finalize(), "angle": shapes.finalize(), "kept": shapes.share_kept}


def _flat(pixels: NDArray) -> NDArray[np.float32]:
    return pixels.reshape(len(pixels), -1).astype(np.float32)


def _which_find_each_other(variables: Mapping[str, Any], represented: Sequence[_Represented]) -> dict[str, Any]:
    """Of every two networks the share of layers that are nearest to the one of the same name."""
    members = list(dict.fromkeys(each.member for each in represented if each.standing is not None))
    kinds = next(iter(variables.values()))[1].shape[0]
    found = np.full((len(MEASURES), kinds, len(members), len(members)), np.nan)
    chance = np.full((len(members), len(members)), np.nan)
    places = {name: [index for index, each in enumerate(represented) if each.member == name] for name in members}
    for row, one in enumerate(members):
        for column, other in enumerate(members):
            layers = [represented[index].layer for index in places[one]]
            others = [represented[index].layer for index in places[other]]
            shared = [number for number, layer in enumerate(layers) if layer in others]
            if one == other or not shared:
                continue
            chance[row, column] = 1 / len(others)
            for number, name in enumerate(MEASURES):
                values = variables[name][1][:, places[one]][:, :, places[other]]
                nearness = np.nan_to_num(-values if name == "angle" else values, nan=-np.inf)
                nearest = nearness.argmax(axis=2)
                hits = [[others[nearest[kind, each]] == layers[each] for each in shared] for kind in range(kinds)]
                found[number, :, row, column] = np.mean(hits, axis=1)
    dims = ("found_member", "found_other")
    about = {"units": "1", "long_name": "share of layers that find the one of the same name"}
    return {
        "found": (("measure", "stimuli", *dims), found, about),
        "found_by_chance": (dims, chance, {"units": "1"}),
        "measure": list(MEASURES),
        "found_member": members,
        "found_other": members,
    }


def _caption(
    shown: Sequence[Shown], beside: References, chosen: RepresentationsParameters, data: xarray.Dataset
) -> str:
    blocks = "in blocks of at most 128, each spread over up to 4,096 stimuli"
    of = {"frames": "episodes", "images": "images"}
    start = f" The first {chosen.skip} decisions of episodes are not compared." if chosen.skip else ""
    groups = " and ".join(f"{min(chosen.groups, each.units)} groups of {of[each.name]}" for each in shown)
    kept = data["kept"].values[np.isfinite(data["kept"].values)]
    sentences = [
        f"n = {'; '.join(each.words for each in shown)}; all of them were shown to every network, memories driven by "
        f"what came before.{start}",
        f"CKA: linear, debiased (HSIC₁ of Song et al. 2012, {blocks}; Nguyen et al. 2021). RSA: Pearson's correlation "
        "of Euclidean distances of the same pairs. Angle: angular shape distance (Williams et al. 2021) of the leading "
        f"{chosen.dimensions} principal components, which hold {kept.min():.0%} to {kept.max():.0%} of a layer's "
        "variance; 0 for the same up to rotation and scale.",
        f"Intervals: 95%, leaving out {groups} one at a time. Chance: the most alike of "
        f"{chosen.shuffles} shuffles of the stimuli ({chosen.shape_shuffles} for the angle).",
        "Untrained: the network that a training began with; redrawn: the same network, its weights drawn anew.",
        beside.note,
    ]
    return " ".join(filter(None, sentences))


def _refuse(inputs: Inputs, parameters: RepresentationsParameters) -> None:
    """Layers that an agent has not are refused before anything is played."""
    for each in () if inputs.compared is None else inputs.compared.members:
        layers_compared(each.agent.policy, parameters.layers)


ANALYSIS = Analysis(
    name="representations",
    title="Similarity of representations",
    group="between_agents",
    summary="Similarity of all layers of all agents, and of untrained ones: debiased CKA, RSA, shape distance.",
    run=representations,
    parameters=RepresentationsParameters,
    of="compared",
    needs=(COMPARED,),
    draw=drawings,
    explore=tables_of(drawings),
    refuse=_refuse,
    rank=0,
    methods="""
        The activity of every layer of every network was compared with that of every other on the same stimuli
        ({{ stimuli | listed }}). Measures: linear CKA [@kornblith2019] by the unbiased estimator of HSIC
        [@song2012], averaged over blocks of stimuli [@nguyen2021]; the correlation of Euclidean distances
        between stimuli, as in representational similarity analysis [@kriegeskorte2008]; and the angular shape
        distance [@williams2021] on {{ dimensions }} principal components at most. {% if skip %}The first {{
        skip }} decisions of every episode drove memories, and were not compared. {% endif %}{{ interval }}%
        intervals are jackknife intervals [@efron1993], leaving out one of {{ groups }} groups of episodes or
        images at a time, or one episode or image where there are fewer. Chance is the highest of {{ shuffles }}
        shuffles of the stimuli ({{ shape_shuffles }} for the shape distance). Beside the agents stand the
        networks their trainings began with and networks with weights drawn anew, as far as these are known
        (seed {{ seed }}).
    """,
)

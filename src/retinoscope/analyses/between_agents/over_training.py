"""What is measured of one agent, as curves over training: each training a line, and an interval over trainings."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.between_agents.references import Standing
from retinoscope.analyses.between_agents.representations import members_of
from retinoscope.analyses.between_agents.side_by_side import network_coordinates
from retinoscope.analyses.compared import Compared, Member
from retinoscope.analyses.comparison.checkpoint_numbers import ENDS, measure_checkpoint
from retinoscope.analyses.declaration import COMPARED, Analysis
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import tables_of
from retinoscope.analyses.images.action_given_stimulus import action_given_stimulus
from retinoscope.analyses.images.decoding import decoding
from retinoscope.analyses.images.shown_images import shown_images
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, load_result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.versions import source_sha256

Numbers = dict[str, tuple[float, float, float]]
"""Name -> value and the ends of its 95% interval."""

_LEVEL = 0.975


@parameters("over training")
class OverTrainingParameters:
    """Parameters of `over_training`."""

    shuffles: int = setting(100, "number of shuffles for the event-triggered activity", least=20)
    permutations: int = setting(20, "number of permutations of the labels, for the chance level of decoding", least=1)
    seed: int = setting(0, "seed of shuffles, permutations and the choice of images", least=0)


def over_training(
    compared: Compared,
    *,
    parameters: OverTrainingParameters | None = None,
    cache: Path | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Behaviour, dimensions, tuning to events, and of shown images decoding and actions, agent by agent.

    Each agent is measured on what it plays itself, in the same worlds as the others; its untrained network, where that
    is among them, is the first point of its line.

    Args:
        compared: the agents, and what each played.
        parameters: see `OverTrainingParameters`; single ones may be given by name instead.
        cache: a folder for what was measured of each agent, so that an interrupted call goes on.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `OverTrainingParameters` that replace those of `parameters`.

    Returns:
        A Result over `network` (coordinates `run`, `role`, `frames_trained`): every number by its name, with `..._low`
        and `..._high`, its own 95% interval; NaN where it cannot be measured. Where two trainings or more have several
        checkpoints, also over `frames` those numbers' means over trainings, `..._mean`, with `..._mean_low` and
        `..._mean_high`, a 95% interval by Student's t; between checkpoints lines are straight.

    Raises:
        UserError: a parameter is unknown or out of range.
        NotMeasurable: no agent played, or none of the numbers could be measured.
    """
    chosen = with_settings(parameters or OverTrainingParameters(), settings)
    standing = [Standing(each, "untrained" if each.agent.frames_trained == 0 else "agent") for each in compared.members]
    if not compared.played:
        raise NotMeasurable("nothing is known of what these agents play; name the world, with --world")
    about: dict[str, dict[str, str]] = {}
    table: list[Numbers] = []
    with progress_bar("agents", len(standing), progress) as advance:
        for each in standing:
            measured = _measured_once(each.member, compared, chosen, cache)
            table.append(_numbers_of(measured))
            for name in map(str, measured.data):
                if not name.endswith(ENDS[1:]):
                    about.setdefault(name, {key: str(text) for key, text in measured.data[name].attrs.items()})
            advance(1)
    variables: dict[str, Any] = {}
    for name in about:
        values = np.array([each.get(name, (np.nan,) * 3) for each in table])
        variables |= {f"{name}{end}": ("network", values[:, place], about[name]) for place, end in enumerate(ENDS)}
    if not variables:
        raise NotMeasurable("none of these agents could be measured")
    runs, trained = [each.member.run for each in standing], np.array([each.member.frames_trained for each in standing])
    grid = _grid(runs, trained)
    coordinates: dict[str, Any] = {}
    if len(grid):
        coordinates["frames"] = ("frames", grid, {"units": "frames"})
        for name in about:
            means = _over_runs(grid, runs, trained, np.array([each.get(name, (np.nan,))[0] for each in table]))
            for end, values in zip(("_mean", "_mean_low", "_mean_high"), means, strict=True):
                variables[f"{name}{end}"] = ("frames", values, about[name])
    data = xarray.Dataset(
        variables,
        coords=coordinates | network_coordinates(standing),
    )
    data.attrs["caption"] = _caption(compared, standing, len(grid) > 0)
    said = stated(chosen) | {"numbers": list(about)}
    return Result("over_training", data, said, provenance(members=members_of(standing)))


def _measured_once(member: Member, compared: Compared, chosen: OverTrainingParameters, cache: Path | None) -> Result:
    """The numbers of one agent, from the cache if they were measured before."""
    images = None if compared.images is None else stated(compared.images)
    recording = compared.played[member.name]
    key = json.dumps(
        [
            [member.agent.checkpoint_sha256, recording.attributes["world_sha256"], recording.attributes["seed"]],
            [recording.frames, stated(chosen), images, source_sha256()],
        ],
        default=str,
    )
    path = None if cache is None else cache / "over_training" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.nc"
    if path is not None and path.is_file():
        with contextlib.suppress(UserError):  # damaged: it is measured anew
            return load_result(path)
    measured = measure_checkpoint(member.agent, recording, chosen.shuffles, chosen.seed, fields=False)
    if compared.images is not None:
        measured = dataclasses.replace(measured, data=measured.data.assign(_of_images(member, compared, chosen)))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        measured.save(path)
    return measured


def _of_images(member: Member, compared: Compared, chosen: OverTrainingParameters) -> dict[str, Any]:
    """Decoding of the class out of the encoder's output and the memory, and the summary of actions given a class."""
    assert compared.images is not None
    agent, world = member.agent, compared.worlds.get(member.name)
    layers = [each.name for each in agent.policy.layers_of("encoder output", "memory") if not each.is_map]
    asked = dataclasses.replace(compared.images, checkpoints=False, images_elsewhere=0, layers=tuple(layers))
    found: dict[str, Any] = {}
    with contextlib.suppress(NotMeasurable):
        given = {"shown_images": shown_images(agent, world=world, parameters=asked)}
        with contextlib.suppress(NotMeasurable):
            read = decoding(agent, world=world, given=given, permutations=chosen.permutations, seed=chosen.seed).data
            for layer in layers:
                one = read.isel(checkpoint=-1).sel(layer=layer, task="class")
                about = {"long_name": f"class read out of {layer}, balanced accuracy", "label": layer}
                about["axis"] = "class read out,\nbalanced accuracy"
                ends = zip(ENDS, ("balanced", "low", "high"), strict=True)
                found |= {f"decoding_{layer}{end}": ((), float(one[name]), about) for end, name in ends}
        with contextlib.suppress(NotMeasurable):
            acts = action_given_stimulus(agent, world=world, given=given, seed=chosen.seed).data.isel(checkpoint=-1)
            words = {"long_name": "P(forward) - P(backward): good less bad classes", "label": "good less bad classes"}
            words["axis"] = "P(forward) − P(backward),\ngood less bad classes"
            found |= {f"action{end}": ((), float(acts[f"summary{end}"]), words) for end in ENDS}
    return found


def _numbers_of(measured: Result) -> Numbers:
    data = measured.data
    names = [name for name in map(str, data) if not name.endswith(ENDS[1:])]
    return {name: (float(data[name]), float(data[f"{name}_low"]), float(data[f"{name}_high"])) for name in names}


def _grid(runs: Sequence[str], trained: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frames at which any training has a checkpoint, as far as all of them had begun and none had ended.

    Empty where there is one training, or one of them has a single checkpoint.
    """
    by_run = [
        np.array([at for at, its in zip(trained, runs, strict=True) if its == run]) for run in dict.fromkeys(runs)
    ]
    if len(by_run) < 2 or any(len(each) < 2 or np.isnan(each).any() for each in by_run):
        return np.zeros(0)
    first, last = max(each.min() for each in by_run), min(each.max() for each in by_run)
    every = np.unique(np.concatenate(by_run))
    return every[(every >= first) & (every <= last)]


def _over_runs(
    grid: NDArray[np.float64], runs: Sequence[str], trained: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean over trainings and its 95% interval by Student's t; NaN where one of them was not measured."""
    lines = []
    for run in dict.fromkeys(runs):
        own = np.array([each == run for each in runs])
        order = np.argsort(trained[own])
        lines.append(np.interp(grid, trained[own][order], values[own][order]))
    stacked = np.array(lines)
    middle, spread = stacked.mean(axis=0), stacked.std(axis=0, ddof=1)
    half = scipy.stats.t.ppf(_LEVEL, len(lines) - 1) * spread / np.sqrt(len(lines))
    return middle, middle - half, middle + half


def _caption(compared: Compared, standing: Sequence[Standing], has_means: bool) -> str:
    runs = len(compared.runs)
    decisions = compared.played[standing[0].member.name].frames
    sentences = [
        f"n = {len(standing)} agents of {runs} training{'s' if runs != 1 else ''}, each measured on {decisions:,} "
        "decisions that it played, with the same seeds of the world. Bars: 95% intervals of each agent (over episodes; "
        "units; images).",
        f"Thick line and band: mean over the {runs} trainings and its 95% interval (Student's t); between checkpoints "
        "lines are straight."
        if has_means
        else "",
        "Images: decoding is judged on held-out images, the action is that of the empty view with the image in it."
        if compared.images is not None
        else "",
        "What cannot be measured of an agent, for want of events say, is left out.",
    ]
    return " ".join(filter(None, sentences))


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    caption = str(result.data.attrs["caption"])
    figure = FigureDrawing("over_training", "Over training", caption, lambda: figures.over_training(result))
    return [figure, _table(result)]


def _table(result: Result) -> TableDrawing:
    data = result.data
    names = list(result.parameters["numbers"])
    rows = []
    for place, network in enumerate(map(str, data["network"].values)):
        cells = []
        for name in names:
            middle, low, high = (float(data[f"{name}{end}"][place]) for end in ENDS)
            interval = f" [{low:.3g}, {high:.3g}]" if np.isfinite([low, high]).all() else ""
            cells.append(f"{middle:.3g}{interval}" if np.isfinite(middle) else "not measurable")
        rows.append((network, *cells))
    columns = ("agent", *(str(data[name].attrs["long_name"]) for name in names))
    return TableDrawing("over_training", "Every agent in numbers", str(data.attrs["caption"]), columns, tuple(rows))


ANALYSIS = Analysis(
    name="over_training",
    title="Over training",
    group="between_agents",
    summary="Behaviour, dimensions, tuning to events, decoding, actions of all agents; intervals over trainings.",
    run=over_training,
    parameters=OverTrainingParameters,
    of="compared",
    needs=(COMPARED,),
    draw=_draw,
    explore=tables_of(_draw),
    rank=30,
    methods="""
        Each of {{ sizes.network }} agents was measured on what it played itself, in the same worlds: {{ numbers
        | listed }}. Activity around events is told against {{ shuffles }} arrangements of shuffled events, and
        decoding, where images were shown, against {{ permutations }} permutations of the labels. Intervals of
        an agent are {{ interval }}% intervals{% if "frames" in sizes %}; those of means over trainings are by
        Student's t{% endif %} (seed {{ seed }}).
    """,
)

"""Training progress: what changes from checkpoint to checkpoint, against the frames trained."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.checkpoints import every_checkpoint
from retinoscope.analyses.comparison.checkpoint_numbers import measure_checkpoint
from retinoscope.analyses.declaration import AGENT, WORLD, Analysis
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import Panel, UnitCurve, UnitCurvesPanel, table_panel
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, load_result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.worlds.choosing import WorldLike
    from retinoscope.worlds.world import World

FOLDER = "training_progress"
"""In the cache: recordings of checkpoints and what was measured on them."""

_FRAMES = 1000  # where there is no recording to go by


@parameters("training progress")
class TrainingProgressParameters:
    """Parameters of `training_progress`."""

    frames: int | None = setting(
        None,
        f"decisions that each checkpoint plays; none for as many as the recording at hand has, {_FRAMES} without one",
        units="decisions",
        least=1,
    )
    seed: int = setting(
        0,
        "seed of worlds, actions and stimuli; the same for all checkpoints, so that they are compared in "
        "the same worlds",
        least=0,
    )
    shuffles: int = setting(200, "number of shuffles for the event-triggered activity", least=20)


def training_progress(
    agent: Agent,
    *,
    world: WorldLike | None = None,
    recording: Recording | None = None,
    parameters: TrainingProgressParameters | None = None,
    cache: Path | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Compare all checkpoints of a training run.

    Args:
        agent: any checkpoint of it.
        world: where all of them play; None for the one they were trained in.
        recording: one at hand. The checkpoints play in as many environments for as many decisions, and the one that it
            is of does not play again where it would give the same recording.
        parameters: see `TrainingProgressParameters`; single ones may be given by name instead.
        cache: a folder for the recordings and what was measured on them, so that an interrupted call goes on.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `TrainingProgressParameters` that replace those of `parameters`.

    Returns:
        A Result over `checkpoint`, with coordinates `frames_trained` and `checkpoint_sha256`: what `numbers_measured`
        says, each with `..._low` and `..._high`; NaN where it cannot be measured (too few events, say). For every
        convolution (here conv1), `conv1_with_last` and `conv1_with_previous` (checkpoint, conv1_unit), cosine of a
        filter's receptive field with that of the last checkpoint and of the one before; `conv1_by_chance`, 95% quantile
        of the absolute cosine between fields of different filters.

    Raises:
        UserError: a parameter is unknown or out of range, or the checkpoints do not fit the world.
        NotMeasurable: there are fewer than two checkpoints.
    """
    chosen = with_settings(parameters or TrainingProgressParameters(), settings)
    if chosen.frames is None:
        chosen = with_settings(chosen, {"frames": recording.frames if recording else _FRAMES})
    from retinoscope.worlds.choosing import world_of

    agents = every_checkpoint(agent)
    if len(agents) < 2:
        raise NotMeasurable(f"agent {agent.name!r}: its run has {len(agents)} checkpoint; needs at least 2 to compare")
    where = world_of(agent, world)
    with _folder(cache) as folder, progress_bar("checkpoints", len(agents), progress) as advance:
        measured = []
        for each in agents:
            measured.append(_measured_once(each, where, recording, chosen, folder))
            advance(1)
    variables: dict[str, Any] = {}
    for name, first in measured[0].data.items():
        if not first.dims:
            values = [float(one.data[name]) for one in measured]
            variables[str(name)] = ("checkpoint", values, first.attrs)
    convolutions = [str(name) for name in measured[0].parameters["convolutions"]]
    for layer in convolutions:
        variables |= _drift(layer, [one.data[layer].values for one in measured])
    data = xarray.Dataset(
        variables,
        coords={
            "frames_trained": ("checkpoint", [each.frames_trained or 0 for each in agents], {"units": "frames"}),
            "checkpoint_sha256": ("checkpoint", [each.checkpoint_sha256 for each in agents]),
        },
        attrs={"caption": _caption(len(agents), convolutions, chosen)},
    )
    said = stated(chosen) | {"convolutions": convolutions}
    return Result("training_progress", data, said, provenance(agent=agent, world=where))


@contextmanager
def _folder(cache: Path | None) -> Iterator[Path]:
    if cache is not None:
        folder = cache / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="retinoscope-progress-") as temporary:
        yield Path(temporary)


def _measured_once(
    agent: Agent,
    world: World,
    at_hand: Recording | None,
    chosen: TrainingProgressParameters,
    folder: Path,
) -> Result:
    """One checkpoint, from the folder if it was measured before."""
    from retinoscope.rollouts import record

    environments = at_hand.attributes["environments"] if at_hand else None
    key = json.dumps([agent.checkpoint_sha256, world.declaration.sha256, stated(chosen), environments])
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    path = folder / f"{name}.nc"
    if path.is_file():
        try:
            return load_result(path)
        except UserError:  # damaged: it is measured anew
            path.unlink()
    if at_hand is not None and _would_be_the_same(at_hand, agent, world, chosen):
        recording = at_hand
    else:
        out, frames = folder / f"{name}.zarr", chosen.frames or _FRAMES
        recording = record(agent, world, frames=frames, out=out, seed=chosen.seed, environments=environments)
    result = measure_checkpoint(agent, recording, chosen.shuffles, chosen.seed)
    result.save(path)
    return result


def _would_be_the_same(recording: Recording, agent: Agent, world: World, chosen: TrainingProgressParameters) -> bool:
    """Whether this checkpoint would play exactly what the recording holds."""
    found = recording.attributes
    wanted = {
        "checkpoint_sha256": agent.checkpoint_sha256,
        "world_sha256": world.declaration.sha256,
        "seed": chosen.seed,
        "greedy": False,
    }
    return recording.frames == chosen.frames and all(found[name] == value for name, value in wanted.items())


def _drift(layer: str, fields: list[np.ndarray]) -> dict[str, Any]:
    """Cosines of each filter's field with that of the last checkpoint and of the one before."""
    flat = [each.reshape(len(each), -1).astype(np.float64) for each in fields]
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in flat]
    with_last = np.array([(each * unit[-1]).sum(axis=1) for each in unit])
    with_previous = np.full_like(with_last, np.nan)
    for number in range(1, len(unit)):
        with_previous[number] = (unit[number] * unit[number - 1]).sum(axis=1)
    others = np.abs(unit[-1] @ unit[0].T)[~np.eye(len(unit[0]), dtype=bool)]
    chance = float(np.nanquantile(others, 0.95)) if np.isfinite(others).any() else np.nan
    dimensions = ("checkpoint", f"{layer}_unit")
    return {
        f"{layer}_with_last": (dimensions, with_last, {"units": "cosine"}),
        f"{layer}_with_previous": (dimensions, with_previous, {"units": "cosine"}),
        f"{layer}_by_chance": ((), chance, {"units": "cosine"}),
    }


def _caption(checkpoints: int, convolutions: list[str], chosen: TrainingProgressParameters) -> str:
    drift = (
        f"Receptive fields of {', '.join(convolutions)} (mean gradient): median over filters of the cosine with the "
        "field of the same filter, band: quartiles; dotted: 95% quantile of the absolute cosine between different "
        "filters of the first and the last checkpoint. "
        if convolutions
        else ""
    )
    return (
        f"n = {checkpoints} checkpoints of one training run, {chosen.frames:,} decisions each in the same worlds. "
        f"{drift}Bars: 95% intervals (over episodes; share of units: Wilson, over units; participation ratio: over "
        "groups of episodes). The share of units that rise grows with the number of events as well as with what "
        "they do. What cannot be measured at a checkpoint, for want of events say, is left out."
    )


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    caption = result.data.attrs["caption"]
    return [
        FigureDrawing(
            "training_progress", "Checkpoint by checkpoint", caption, lambda: figures.training_progress(result)
        ),
        _table(result),
    ]


def _explore(result: Result) -> list[Panel]:
    return [table_panel(_table(result)), *(_cosines(result, layer) for layer in result.parameters["convolutions"])]


def _cosines(result: Result, layer: str) -> UnitCurvesPanel:
    """How the receptive field of every filter comes about."""
    data = result.data
    frames, kept = np.unique(data["frames_trained"].values, return_index=True)
    of_units = {name: data[f"{layer}_{name}"].values[kept].T for name in ("with_last", "with_previous")}
    chance = np.full_like(of_units["with_last"], float(data[f"{layer}_by_chance"]))
    return UnitCurvesPanel(
        f"training_progress_{layer}",
        f"Fields of {layer} beside those of other checkpoints",
        str(data.attrs["caption"]),
        layer,
        frames,
        "frames trained",
        "cosine of receptive fields",
        (
            UnitCurve("with the last", "neutral", of_units["with_last"]),
            UnitCurve("with the one before", "neutral", of_units["with_previous"]),
            UnitCurve("between different filters, 95% quantile", "chance", chance),
        ),
        is_over_training=True,
    )


def _table(result: Result) -> TableDrawing:
    """One row per number, one column per checkpoint, with 95% intervals."""
    data = result.data
    frames = [int(each) for each in data["frames_trained"].values]
    rows: list[tuple[str, ...]] = []
    for name in (str(each) for each in data if f"{each}_low" in data):
        cells = []
        for index in range(len(frames)):
            middle, low, high = (float(data[f"{name}{end}"][index]) for end in ("", "_low", "_high"))
            interval = f" [{low:.3g}, {high:.3g}]" if np.isfinite([low, high]).all() else ""
            cells.append(f"{middle:.3g}{interval}" if np.isfinite(middle) else "not measurable")
        rows.append((str(data[name].attrs["long_name"]), *cells))
    for layer in result.parameters["convolutions"]:
        cosines = data[f"{layer}_with_last"].values
        medians = [float(np.nanmedian(each)) if np.isfinite(each).any() else np.nan for each in cosines]
        chance = f" (by chance {float(data[f'{layer}_by_chance']):.2f})"
        label = f"{layer}: cosine of receptive fields with the last, median over filters{chance}"
        rows.append((label, *(f"{each:.3f}" for each in medians)))
    columns = ("measure", *(f"{each:,} frames" for each in frames))
    title = "Checkpoint by checkpoint, in numbers"
    return TableDrawing("training_progress", title, str(data.attrs["caption"]), columns, tuple(rows))


ANALYSIS = Analysis(
    name="training_progress",
    title="Training progress",
    group="comparison",
    summary="Behaviour, dimensions, tuning and receptive fields of all checkpoints of a training run.",
    run=training_progress,
    parameters=TrainingProgressParameters,
    of="agent",
    needs=(AGENT, WORLD),
    draw=_draw,
    explore=_explore,
    is_reusable=False,
    rank=0,
    methods="""
        Each of {{ sizes.checkpoint }} checkpoints of the training run played {% if frames %}{{ frames }}{% else
        %}as many{% endif %} decisions{% if not frames %} as the agent{% endif %} in the same worlds (seed {{
        seed }}). Of each were measured what it did, the dimensions of its layers (participation ratio), its
        activity around events, against {{ shuffles }} arrangements of shuffled events, and its receptive
        fields, compared with those of the last checkpoint and of the one before by their cosine; chance is that
        of fields of different filters. Intervals are {{ interval }}% intervals.
    """,
)

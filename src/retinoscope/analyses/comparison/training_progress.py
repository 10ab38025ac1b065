"""Training progress: what changes from checkpoint to checkpoint, against the frames trained."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import SHIPPED_CHECKPOINTS, SHIPPED_FOLDER, load_agent
from retinoscope.agents.sample_factory_run import list_checkpoints, load_checkpoint
from retinoscope.analyses.behaviour.burn_in import choose_burn_in
from retinoscope.analyses.behaviour.event_triggered import event_triggered
from retinoscope.analyses.behaviour.event_triggered_parameters import EventTriggeredParameters
from retinoscope.analyses.behaviour.layer_components import fit_components
from retinoscope.analyses.early_vision.receptive_fields import receptive_fields
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, load_result
from retinoscope.statistics.bootstrap import Interval, bootstrap_interval, ratio_of_sums

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.scenarios import ArenaArchive

NUMBERS = {
    "healing": "healing pick-ups per minute",
    "harmful": "harmful pick-ups per minute",
    "deaths": "deaths per minute",
    "participation_fc": "participation ratio of fc, dimensions",
    "participation_rnn": "participation ratio of rnn, dimensions",
    "sparseness": "population sparseness of fc (Treves & Rolls)",
    "rising_before": "share of units of fc that rise before healing",
    "pc1_auc": "AUC of PC1 of fc for healing within 1 s",
}
"""What is measured of every checkpoint, each with its 95% interval."""

_ENDS = ("", "_low", "_high")


@dataclass(frozen=True)
class TrainingProgressParameters:
    """Parameters of `training_progress`.

    Attributes:
        frames: decisions that each checkpoint plays.
        seed: of worlds, actions and stimuli; the same for all, so that they are compared in the same worlds.
        shuffles: of the event-triggered activity.
    """

    frames: int = 1000
    seed: int = 0
    shuffles: int = 200


def every_checkpoint(agent: Agent) -> tuple[Agent, ...]:
    """All checkpoints of the run (or of the shipped agent) that an agent comes from, by frames trained.

    Raises:
        NotMeasurable: there is no other than this one.
    """
    folder = agent.checkpoint.resolve().parent if agent.checkpoint else None
    if folder and folder.parent == SHIPPED_FOLDER.resolve():
        found = [load_agent(folder.name, name, agent.policy.device) for name in SHIPPED_CHECKPOINTS]
        return tuple(sorted(found, key=lambda each: each.frames_trained or 0))
    run = (
        next((each for each in (folder, *folder.parents[:2]) if (each / "config.json").is_file()), None)
        if folder
        else None
    )
    if run is None:
        raise NotMeasurable(f"agent {agent.name!r}: is no checkpoint of a run; give a run directory or a shipped agent")
    return tuple(load_checkpoint(each.path) for each in list_checkpoints(run))


def training_progress(
    agent: Agent,
    arena: ArenaArchive | None = None,
    parameters: TrainingProgressParameters | None = None,
    *,
    cache: Path | None = None,
    progress: bool = False,
) -> Result:
    """Compare all checkpoints of a training run.

    Args:
        agent: any checkpoint of it.
        arena: where all of them play; None for the arena they were trained in.
        parameters: see `TrainingProgressParameters`.
        cache: a folder for the recordings and what was measured on them, so that an interrupted call goes on.
        progress: show a progress bar on standard error if that is a terminal.

    Returns:
        A Result over `checkpoint`, with coordinates `frames_trained` and `checkpoint_sha256`: the numbers of `NUMBERS`,
        each with `..._low` and `..._high`; NaN where it cannot be measured (too few events, say). For every convolution
        (here conv1), `conv1_with_last` and `conv1_with_previous` (checkpoint, conv1_unit), cosine of a filter's
        receptive field with that of the last checkpoint and of the one before; `conv1_by_chance`, 95% quantile of the
        absolute cosine between fields of different filters.

    Raises:
        UserError: the checkpoints do not fit the arena.
        NotMeasurable: there are fewer than two checkpoints.
    """
    parameters = parameters or TrainingProgressParameters()
    agents = every_checkpoint(agent)
    if len(agents) < 2:
        raise NotMeasurable(f"agent {agent.name!r}: its run has {len(agents)} checkpoint; needs at least 2 to compare")
    with _folder(cache) as folder, progress_bar("checkpoints", len(agents), progress) as advance:
        measured = []
        for each in agents:
            measured.append(_measured_once(each, arena, parameters, folder))
            advance(1)
    variables: dict[str, Any] = {}
    for name, long_name in NUMBERS.items():
        for suffix in _ENDS:
            values = [float(one.data[f"{name}{suffix}"]) for one in measured]
            variables[f"{name}{suffix}"] = ("checkpoint", values, {"long_name": long_name})
    convolutions = [str(name) for name in measured[0].parameters["convolutions"]]
    for layer in convolutions:
        variables |= _drift(layer, [one.data[layer].values for one in measured])
    data = xarray.Dataset(
        variables,
        coords={
            "frames_trained": ("checkpoint", [each.frames_trained or 0 for each in agents], {"units": "frames"}),
            "checkpoint_sha256": ("checkpoint", [each.checkpoint_sha256 for each in agents]),
        },
        attrs={"caption": _caption(agents, convolutions, parameters)},
    )
    stated = asdict(parameters) | {"convolutions": convolutions}
    provenance = {"agent": agent.name, "checkpoint_sha256": [each.checkpoint_sha256 for each in agents]}
    return Result("training_progress", data, stated, provenance)


@contextmanager
def _folder(cache: Path | None) -> Iterator[Path]:
    if cache is not None:
        folder = cache / "training_progress"
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="retinoscope-progress-") as temporary:
        yield Path(temporary)


def _measured_once(
    agent: Agent, arena: ArenaArchive | None, parameters: TrainingProgressParameters, folder: Path
) -> Result:
    """One checkpoint, from the folder if it was measured before."""
    from retinoscope.rollouts import record
    from retinoscope.rollouts.arenas import arena_of

    archive = arena_of(agent, arena)
    key = json.dumps([agent.checkpoint_sha256, archive.sha256, asdict(parameters)])
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    path = folder / f"{name}.nc"
    if path.is_file():
        try:
            return load_result(path)
        except UserError:  # damaged: it is measured anew
            path.unlink()
    recording = record(agent, archive, frames=parameters.frames, out=folder / f"{name}.zarr", seed=parameters.seed)
    result = _measure(agent, recording, parameters)
    result.save(path)
    return result


def _measure(agent: Agent, recording: Recording, parameters: TrainingProgressParameters) -> Result:
    unknown = Interval(np.nan, np.nan, np.nan)
    found: dict[str, Interval] = dict.fromkeys(NUMBERS, unknown) | _behaviour(recording)
    steps = choose_burn_in(recording, policy=agent).steps
    for layer in recording.attributes["layers"]:
        if f"participation_{layer}" in NUMBERS:
            try:
                fitted = fit_components(recording, [layer], burn_in_steps={layer: steps})[layer]
            except UserError:
                continue
            found[f"participation_{layer}"] = Interval(*fitted.participation_ratio)
    found |= _events(agent, recording, parameters)
    variables: dict[str, Any] = {}
    for name, triple in found.items():
        variables |= {f"{name}{end}": ((), value) for end, value in zip(_ENDS, triple, strict=True)}
    convolutions = [each.name for each in agent.policy.layers if each.kind == "convolution"]
    if convolutions:
        fields = receptive_fields(agent, layers=tuple(convolutions), seed=parameters.seed).data
        variables |= {name: (fields[name].dims, fields[name].values) for name in convolutions}
    return Result("training_progress_checkpoint", xarray.Dataset(variables), {"convolutions": convolutions})


def _behaviour(recording: Recording) -> dict[str, Interval]:
    """Pick-ups and deaths per minute, with intervals over episodes."""
    effects = np.asarray(recording.attributes["class_effects"])
    minute = 60 * recording.attributes["tics_per_second"] / recording.attributes["frame_skip"]
    table = []
    for each in recording.episodes:
        counts = recording.rows(each.start, each.stop, ("pickups",))["pickups"].values.sum(axis=0)
        healing, harmful = counts[effects > 0].sum(), counts[effects < 0].sum()
        table.append((healing, harmful, float(each.terminated), (each.stop - each.start) / minute))
    values = np.array(table, float)
    found = {}
    for column, name in enumerate(("healing", "harmful", "deaths")):
        pair = values[:, [column, 3]]
        if len(pair) < 2:
            found[name] = Interval(float(pair[0, 0] / pair[0, 1]), np.nan, np.nan)
        else:
            found[name] = bootstrap_interval(pair, ratio_of_sums, resamples=2000)
    return found


def _events(agent: Agent, recording: Recording, parameters: TrainingProgressParameters) -> dict[str, Interval]:
    if "fc" not in recording.attributes["layers"]:
        return {}
    parameters_of_events = EventTriggeredParameters(layers=("fc",), shuffles=parameters.shuffles, seed=parameters.seed)
    try:
        data = event_triggered(recording, agent, parameters_of_events).data
    except NotMeasurable:
        return {}
    rising = data.sel(kind="healing", layer="fc")
    auc = data.sel(predictor="PC1 of fc").isel(horizon=int(np.abs(data["horizon"].values - 1).argmin()))
    return {
        "sparseness": Interval(*(float(data[f"sparseness{end}"]) for end in _ENDS)),
        "rising_before": Interval(*(float(rising[f"rising_before{end}"]) for end in _ENDS)),
        "pc1_auc": Interval(*(float(auc[name]) for name in ("auc", "auc_low", "auc_high"))),
    }


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


def _caption(agents: tuple[Agent, ...], convolutions: list[str], parameters: TrainingProgressParameters) -> str:
    drift = (
        f"Receptive fields of {', '.join(convolutions)} (mean gradient): median over filters of the cosine with the "
        "field of the same filter, band: quartiles; dotted: 95% quantile of the absolute cosine between different "
        "filters of the first and the last checkpoint. "
        if convolutions
        else ""
    )
    return (
        f"n = {len(agents)} checkpoints of one training run, {parameters.frames:,} decisions each in the same worlds. "
        f"{drift}Bars: 95% intervals (over episodes; share of units: Wilson, over units; participation ratio: over "
        "groups of episodes). The share of units that rise grows with the number of events as well as with what "
        "they do. What cannot be measured at a checkpoint, for want of events say, is left out."
    )

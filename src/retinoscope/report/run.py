"""From an agent to a directory with its report: record, analyse, draw, write."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.analyses.receptive_field_parameters import ReceptiveFieldParameters, chosen_layers, settle
from retinoscope.analyses.registry import ALWAYS, Analysis, Inputs, Options, select_analyses
from retinoscope.analyses.result import load_result
from retinoscope.errors import UserError
from retinoscope.report.html import render_report
from retinoscope.report.products import Product, write_drawings
from retinoscope.report.reuse import result_key, reuse_result, with_key
from retinoscope.report.run_directory import RECORDING, REPORT, RunDirectory
from retinoscope.rollouts.arenas import arena_of
from retinoscope.scenarios import ArenaArchive, Scenario
from retinoscope.versions import versions

_PACKAGES = ("retinoscope", "torch", "numpy", "xarray", "zarr", "vizdoom", "matplotlib", "av")


@dataclass(frozen=True)
class AnalysisRun:
    """What `analyze` made.

    Attributes:
        directory: where everything is.
        report: the page.
        manifest: what is in manifest.json: `identity`, `agent`, `arena`, `options`, `versions`, `seconds`, `analyses`
            and `products`, each with its analysis, kind, path (relative to the directory), seconds and parameters.
    """

    directory: Path
    report: Path
    manifest: dict[str, Any]


def analyze(
    agent: Agent | str | Path = "digits",
    *,
    out: str | Path,
    frames: int = 1000,
    arena: ArenaArchive | Scenario | str | Path | None = None,
    responses: Iterable[str] = (),
    dataset: str | None = None,
    seed: int = 0,
    device: str = "cpu",
    method: Literal["gradient", "noise"] = "gradient",
    layers: Iterable[str] = (),
    overwrite: bool = False,
    progress: bool = False,
) -> AnalysisRun:
    """Let the agent play, run the analyses, and write one directory with a report.

    The directory holds report.html, figures/ (PNG and PDF), movies/ (MP4 and GIF), results/ (netCDF, from which every
    figure can be drawn again), recording.zarr and manifest.json. Called again for the same run (same checkpoint, arena,
    seed and frames) it uses the recording again, and each result that the same code computed with the same options, and
    makes the rest anew. Whatever interrupts it, the directory holds the old products or the new.

    Args:
        agent: an agent, or what `load_agent` takes.
        out: the directory.
        frames: decisions to record.
        arena: where the agent plays; None for the arena it was trained in.
        responses: families of further analyses; see `analyses/registry.py`.
        dataset: images for the analyses that show some; None for those of the arena.
        seed: of worlds, actions and stimuli.
        device: where the network is computed, `cpu` or `cuda`.
        method: of the receptive fields, `gradient` or `noise`.
        layers: whose receptive fields are mapped: names as `conv1` or `rnn`, or some units of a layer as `fc:0-3,7`;
            none for all convolutions.
        overwrite: replace results of another run that the directory holds.
        progress: show progress bars on standard error if that is a terminal.

    Raises:
        UserError: an argument is wrong, `out` cannot be written or holds another run's results.
    """
    began = time.monotonic()
    chosen = (layers,) if isinstance(layers, str) else tuple(layers)
    options = Options(frames, seed, method, chosen, dataset, progress)
    analyses = select_analyses(responses)
    if dataset is not None and not any(each.family == "dataset" for each in analyses):
        raise UserError(f"dataset {dataset!r}: none of these analyses shows images of a data set; leave it out")
    # Imported before anything is written: without the game engine, there is nothing to begin with.
    from retinoscope.rollouts import record

    agent = agent if isinstance(agent, Agent) else load_agent(agent, device=device)
    archive = arena_of(agent, arena)
    identity = run_identity(agent, archive, options)
    settle(
        agent.policy, ReceptiveFieldParameters(), chosen_layers(options.layers), None
    )  # wrong names are told at once
    directory = RunDirectory(out)
    with directory.claimed(identity, overwrite):
        path, start = directory.recording(identity), time.monotonic()
        recording = record(agent, archive, frames=frames, out=path, seed=seed, progress=progress)
        parameters = {"frames": frames, "seed": seed}
        products = [Product("recording", "recording", RECORDING, time.monotonic() - start, parameters)]
        inputs = Inputs(agent, recording, archive, directory.cache)
        for analysis in analyses:
            products += _run(analysis, inputs, options, directory, identity)
        manifest: dict[str, Any] = {
            "identity": identity,
            "agent": describe_agent(agent),
            "arena": {"sha256": archive.sha256, "scenario": archive.scenario.model_dump(mode="json")},
            "options": {
                "frames": frames,
                "seed": seed,
                "method": method,
                "layers": list(options.layers),
                "responses": list(dict.fromkeys(each.family for each in analyses if each.family != ALWAYS)),
                "dataset": dataset,
                "device": device,
            },
            "versions": versions(*_PACKAGES),
            "analyses": [{"name": each.name, "title": each.title, "family": each.family} for each in analyses],
        }
        manifest["seconds"] = round(time.monotonic() - began, 3)
        manifest = _write_report(directory, manifest, products)
    return AnalysisRun(directory.path, directory.path / REPORT, manifest)


def rebuild_report(directory: str | Path) -> AnalysisRun:
    """Draw the figures, movies and page of a run again from its saved results, computing nothing anew.

    Raises:
        UserError: the directory holds no run, a saved result is missing, or the directory cannot be written.
    """
    run = RunDirectory(directory)
    run.finish_publishing()
    manifest = run.manifest()
    with run.claimed(manifest["identity"]):
        products = []
        for held in (Product.from_json(each) for each in manifest["products"]):
            if held.kind == "recording":
                products.append(held)
            if held.kind == "result":
                result = load_result(run.path / held.path)
                products += [held, *write_drawings(result, run.unfinished)]
        manifest = _write_report(run, manifest, products)
    return AnalysisRun(run.path, run.path / REPORT, manifest)


def run_identity(agent: Agent, arena: ArenaArchive, options: Options) -> dict[str, Any]:
    """What makes two runs the same: the same recording comes of it."""
    return {
        "checkpoint_sha256": agent.checkpoint_sha256 or f"none, in memory: {agent.name}",
        "arena_sha256": arena.sha256,
        "seed": options.seed,
        "frames": options.frames,
    }


def describe_agent(agent: Agent) -> dict[str, Any]:
    """What the page and the manifest say of an agent; JSON-able."""
    policy = agent.policy
    after_memory = ("recurrent", "value", "policy") if policy.state_size else ()
    layers = [
        {
            "name": layer.name,
            "kind": layer.kind,
            "shape": list(layer.shape),
            "units": math.prod(layer.shape),
            "receptive_field": policy.receptive_field(layer.name)._asdict() if layer.kind == "convolution" else None,
            "sees_past": layer.kind in after_memory,
        }
        for layer in policy.layers
    ]
    return {
        "name": agent.name,
        "checkpoint": str(agent.checkpoint) if agent.checkpoint else None,
        "checkpoint_sha256": agent.checkpoint_sha256,
        "frames_trained": agent.frames_trained,
        "training": agent.training,
        "observation_shape": list(policy.observation_shape),
        "action_heads": {head.name: list(head.outputs) for head in policy.action_heads},
        "layers": layers,
    }


def _run(
    analysis: Analysis, inputs: Inputs, options: Options, directory: RunDirectory, identity: dict[str, Any]
) -> list[Product]:
    """Compute, or find computed before, and draw."""
    began = time.monotonic()
    key = result_key(analysis, options, identity)
    name = f"{analysis.name}.nc"
    path = f"results/{name}"
    places = (directory.cache / name, directory.path / path)
    result = reuse_result(key, places, directory.unfinished / path)
    if result is None:
        result = with_key(analysis.run(inputs, options), key)
        shutil.copyfile(result.save(directory.cache / name), directory.unfinished / path)
    seconds = time.monotonic() - began
    products = write_drawings(result, directory.unfinished)
    return [Product(analysis.name, "result", path, seconds, result.parameters), *products]


def _write_report(directory: RunDirectory, manifest: dict[str, Any], products: list[Product]) -> dict[str, Any]:
    """Write the page from what is in `unfinished`, then put all of it in place."""
    began = time.monotonic()
    manifest = {**manifest, "products": [each.to_json() for each in products]}
    page = render_report(manifest, directory.unfinished)
    (directory.unfinished / REPORT).write_text(page, encoding="utf-8")
    report = Product("report", "report", REPORT, time.monotonic() - began, {})
    manifest["products"].append(report.to_json())
    directory.publish(manifest)
    return manifest

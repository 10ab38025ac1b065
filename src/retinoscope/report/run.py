"""From an agent to a directory with its report: record, analyse, draw, write."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent, require_device
from retinoscope.analyses.families.dataset import require_showable
from retinoscope.analyses.receptive_field_parameters import ReceptiveFieldParameters, chosen_layers, settle
from retinoscope.analyses.registry import ALWAYS, Analysis, Inputs, Options, select_analyses
from retinoscope.analyses.result import Result, load_result
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.report.description import describe_agent, run_identity
from retinoscope.report.drawings import RecordedMovieDrawing
from retinoscope.report.follow import new_checkpoints
from retinoscope.report.html import render_report
from retinoscope.report.products import OMITTED, Product, drawings_of, write_drawings
from retinoscope.report.progress_log import ProgressLog
from retinoscope.report.reuse import result_key, reuse_result, with_key
from retinoscope.report.run_directory import RECORDING, REPORT, RunDirectory
from retinoscope.rollouts.arenas import arena_of
from retinoscope.scenarios import ArenaArchive, Scenario
from retinoscope.statistics.raster_order import Method as RasterOrder
from retinoscope.stimuli.places import Presentation, parse_class_effects, parse_presentation
from retinoscope.versions import versions

COMPARING = "training"
"""The family of the analyses that compare checkpoints."""

SHOWING = "dataset"
"""The family of the analyses that show images of a data set."""

_PACKAGES = ("retinoscope", "torch", "numpy", "xarray", "zarr", "vizdoom", "matplotlib", "av")


@dataclass(frozen=True)
class AnalysisRun:
    """What `analyze` made.

    Attributes:
        directory: where everything is.
        report: the page.
        manifest: what is in manifest.json: `identity`, `agent`, `arena`, `options`, `versions`, `seconds`, `analyses`,
            `omitted` (analysis name -> why this agent or recording cannot show it) and `products`, each with its
            analysis, kind, path (relative to the directory), seconds and parameters.
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
    presentation: Presentation | str | None = None,
    class_effects: Mapping[str, int] | str | None = None,
    twin: str | Path | None = None,
    seed: int = 0,
    device: str = "cpu",
    method: Literal["gradient", "noise"] = "gradient",
    layers: Iterable[str] = (),
    movie_frames: int = 1000,
    gif: bool = False,
    checkpoints: Literal["all"] | None = None,
    follow: bool = False,
    raster_order: RasterOrder = "cosine",
    wandb: bool = False,
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
        presentation: how these images are shown; a text as `arena distance=100,200 bearing=-20,0,20` or
            `paste height=30 position=30x40`.
        class_effects: change of health for classes of the data set that the arena does not know; also as
            `cat=-20,dog=+10`.
        twin: file of a supervised twin, from `train_classifier`, to compare the agent with.
        seed: of worlds, actions and stimuli.
        device: where the network is computed, `cpu` or `cuda`.
        method: of the receptive fields, `gradient` or `noise`.
        layers: whose receptive fields are mapped: names as `conv1` or `rnn`, or some units of a layer as `fc:0-3,7`;
            none for all convolutions.
        movie_frames: decisions shown in each activation movie, of any number; at most those recorded.
        gif: write the activation movies as GIF too.
        checkpoints: `all` compares all checkpoints of the run that the agent comes from, and logs their numbers to
            TensorBoard, in `tensorboard/` of the directory.
        follow: `agent` is the directory of a training run, and every checkpoint of it is analysed, those to come too,
            until training has ended: each into a folder of its own in `out` (`frames_000030000128`), with all numbers
            and figures logged to TensorBoard. Called again, it goes on where it was interrupted.
        raster_order: how the units of the raster are sorted: `cosine`, `euclidean`, or `rastermap` if it is installed.
        wandb: log to Weights & Biases as well.
        overwrite: replace results of another run that the directory holds.
        progress: show progress bars on standard error if that is a terminal.

    Raises:
        UserError: an argument is wrong, `out` cannot be written or holds another run's results.
    """
    began = time.monotonic()
    if checkpoints not in (None, "all"):
        raise UserError(f"checkpoints {checkpoints!r}: unknown; choose all, or leave it out")
    if wandb and not (follow or checkpoints):
        raise UserError("wandb: only a training run is logged there; add follow or checkpoints")
    if follow:
        if checkpoints or isinstance(agent, Agent):
            raise UserError("follow: needs the directory of a training run, and looks at all its checkpoints by itself")
        settings: dict[str, Any] = {"responses": responses, "dataset": dataset, "method": method, "layers": layers}
        settings |= {"presentation": presentation, "class_effects": class_effects, "twin": twin}
        settings |= {"frames": frames, "arena": arena, "seed": seed, "device": device, "movie_frames": movie_frames}
        settings |= {"raster_order": raster_order, "gif": gif, "overwrite": overwrite, "progress": progress}
        return _follow(Path(agent), Path(out), wandb, settings)
    responses = (responses,) if isinstance(responses, str) else tuple(responses)
    responses = (*responses, *((COMPARING,) if checkpoints else ()))
    chosen = (layers,) if isinstance(layers, str) else tuple(layers)
    options = Options(
        frames,
        seed,
        method,
        chosen,
        dataset,
        movie_frames,
        progress,
        parse_presentation(presentation),
        tuple(parse_class_effects(class_effects).items()),
        None if twin is None else str(twin),
        raster_order,
    )
    analyses = select_analyses(responses)
    if dataset is not None and not any(each.family == SHOWING for each in analyses):
        raise UserError(f"dataset {dataset!r}: none of these analyses shows images of a data set; leave it out")
    # Imported before anything is written: without the game engine, there is nothing to begin with.
    from retinoscope.rollouts import record

    agent = agent if isinstance(agent, Agent) else load_agent(agent, device=device)
    archive = arena_of(agent, arena)
    identity = run_identity(agent, archive, options)
    settle(
        agent.policy, ReceptiveFieldParameters(), chosen_layers(options.layers), None
    )  # wrong names are told at once
    if any(each.family == SHOWING for each in analyses):
        require_showable(agent, archive, options)
    directory = RunDirectory(out)
    with directory.claimed(identity, overwrite):
        path, start = directory.recording(identity), time.monotonic()
        recording = record(agent, archive, frames=frames, out=path, seed=seed, progress=progress)
        parameters = {"frames": frames, "seed": seed}
        products = [Product("recording", "recording", RECORDING, time.monotonic() - start, parameters)]
        inputs = Inputs(agent, recording, archive, directory.cache)
        omitted: dict[str, str] = {}
        for analysis in analyses:
            result, made = _run(analysis, inputs, options, directory, identity, gif)
            products += made
            if OMITTED in result.data.attrs:
                omitted[analysis.name] = result.data.attrs[OMITTED]
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
                "presentation": dataclasses.asdict(options.presentation),
                "class_effects": dict(options.class_effects),
                "twin": options.twin,
                "movie_frames": movie_frames,
                "raster_order": raster_order,
                "gif": gif,
                "device": device,
            },
            "versions": versions(*_PACKAGES),
            "analyses": [{"name": each.name, "title": each.title, "family": each.family} for each in analyses],
            "omitted": omitted,
        }
        manifest["seconds"] = round(time.monotonic() - began, 3)
        manifest = _write_report(directory, manifest, products)
    if COMPARING in responses and "training_progress" not in omitted:
        with ProgressLog(directory.path, wandb) as log:
            log.log_checkpoints(load_result(directory.path / "results" / "training_progress.nc"))
    return AnalysisRun(directory.path, directory.path / REPORT, manifest)


def _follow(run_directory: Path, out: Path, wandb: bool, settings: dict[str, Any]) -> AnalysisRun:
    """Analyse every checkpoint of a run as it comes; the last analysis that there is."""
    require_device(settings["device"])
    latest: AnalysisRun | None = None
    with contextlib.ExitStack() as stack:
        log: ProgressLog | None = None
        for agent, folder in new_checkpoints(run_directory, out):
            if settings["device"] != "cpu":
                agent = dataclasses.replace(agent, policy=agent.policy.to(settings["device"]))
            latest = analyze(agent, out=folder, **settings)
            # Opened only now, so that wrong settings leave nothing behind.
            log = log or stack.enter_context(ProgressLog(out, wandb))
            log.log(latest.directory, latest.manifest)
    if latest is None:
        done = RunDirectory(sorted(out.glob("frames_*"))[-1])
        latest = AnalysisRun(done.path, done.path / REPORT, done.manifest())
    return latest


def rebuild_report(directory: str | Path) -> AnalysisRun:
    """Draw the figures, movies and page of a run again from its saved results, computing nothing anew.

    Movies of activity, whose frames are not in the results, stay as they are.

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
                products += [held, *write_drawings(result, run.unfinished), *_kept_movies(result, manifest, run)]
        manifest = _write_report(run, manifest, products)
    return AnalysisRun(run.path, run.path / REPORT, manifest)


def _kept_movies(result: Result, manifest: dict[str, Any], run: RunDirectory) -> list[Product]:
    """The movies of a run that are composed from its recording, copied to where the new products are."""
    names = {each.name for each in drawings_of(result) if isinstance(each, RecordedMovieDrawing)}
    kept = []
    for product in (Product.from_json(each) for each in manifest["products"]):
        path = run.path / product.path
        if product.kind in ("movie", "poster") and path.stem in names and path.is_file():
            shutil.copyfile(path, run.unfinished / product.path)
            kept.append(product)
    return kept


def _run(
    analysis: Analysis,
    inputs: Inputs,
    options: Options,
    directory: RunDirectory,
    identity: dict[str, Any],
    gif: bool,
) -> tuple[Result, list[Product]]:
    """Compute, or find computed before, and draw; if it is not measurable, the Result is the reason why."""
    began = time.monotonic()
    key = result_key(analysis, options, identity)
    name = f"{analysis.name}.nc"
    path = f"results/{name}"
    places = (directory.cache / name, directory.path / path)
    # A run that trains on has new checkpoints to compare, of which its key knows nothing.
    is_reusable = analysis.family != COMPARING
    result = reuse_result(key, places, directory.unfinished / path) if is_reusable else None
    if result is None:
        result = with_key(_computed(analysis, inputs, options), key)
        shutil.copyfile(result.save(directory.cache / name), directory.unfinished / path)
    seconds = time.monotonic() - began
    products = write_drawings(result, directory.unfinished, inputs, gif)
    return result, [Product(analysis.name, "result", path, seconds, result.parameters), *products]


def _computed(analysis: Analysis, inputs: Inputs, options: Options) -> Result:
    try:
        return analysis.run(inputs, options)
    except NotMeasurable as error:
        # Those that always run can always be made; if one cannot, the user has to know at once.
        if analysis.family == ALWAYS:
            raise
        return Result(analysis.name, xarray.Dataset(attrs={OMITTED: str(error)}))


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

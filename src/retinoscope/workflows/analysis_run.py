"""From an agent to a directory with its report: record, analyse, draw, write."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent, require_device
from retinoscope.analyses.declaration import Analysis, Inputs
from retinoscope.analyses.drawing import RecordedMovieDrawing
from retinoscope.analyses.methods import INTERVAL
from retinoscope.analyses.registry import select_analyses
from retinoscope.errors import UserError
from retinoscope.page.description import describe_agent, describe_world
from retinoscope.page.explorer.writing import EXPLORER, write_explorer
from retinoscope.page.html import SINGLE_FILE
from retinoscope.page.methods import write_methods
from retinoscope.page.pages import write_pages
from retinoscope.page.products import OMITTED, Product, drawings_of, of_result, write_drawings
from retinoscope.progress import say
from retinoscope.result import Result, load_result
from retinoscope.scale.work import computing_on
from retinoscope.settings import stated
from retinoscope.versions import versions
from retinoscope.workflows.chosen import Settings, chosen_parameters
from retinoscope.workflows.explored import SavedResults, not_made_of, subtitle_of, title_of
from retinoscope.workflows.follow import new_checkpoints
from retinoscope.workflows.progress_log import ProgressLog
from retinoscope.workflows.reuse import ResultStore
from retinoscope.workflows.run_directory import RECORDING, RunDirectory
from retinoscope.workflows.running import run_analyses, stage
from retinoscope.worlds.choosing import WorldLike, world_of
from retinoscope.worlds.world import World

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

COMPARISON = "training_progress"
"""The analysis that `checkpoints="all"` asks for."""

_PACKAGES = ("retinoscope", "torch", "numpy", "xarray", "zarr", "vizdoom", "matplotlib", "av")


@dataclass(frozen=True)
class AnalysisRun:
    """What `analyze` made.

    Attributes:
        directory: where everything is.
        report: the page.
        manifest: what is in manifest.json: `identity`, `agent`, `world`, `options`, `versions`, `seconds`, `analyses`,
            `omitted` (analysis name -> why this agent or recording cannot show it), `computed` and `kept` (names of the
            analyses computed in this call, and of those whose Results were there before) and `products`, each with its
            analysis, kind, path (relative to the directory), seconds and parameters.
    """

    directory: Path
    report: Path
    manifest: dict[str, Any]


@dataclass(frozen=True)
class _Wanted:
    """What a run is to be, checked before anything is written."""

    agent: Agent
    world: World
    analyses: tuple[Analysis, ...]
    parameters: Mapping[str, Any]
    frames: int
    seed: int
    device: str
    gif: bool
    progress: bool

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two runs the same: the same recording comes of it."""
        return {
            "checkpoint_sha256": self.agent.checkpoint_sha256 or f"none, in memory: {self.agent.name}",
            "world_sha256": self.world.declaration.sha256,
            "seed": self.seed,
            "frames": self.frames,
        }


def analyze(
    agent: Agent | str | Path = "digits",
    *,
    out: str | Path,
    frames: int = 1000,
    world: WorldLike | None = None,
    responses: Iterable[str] = (),
    only: Iterable[str] = (),
    settings: Settings | None = None,
    seed: int = 0,
    device: str = "cpu",
    gif: bool = False,
    single_file: bool = False,
    checkpoints: Literal["all"] | None = None,
    follow: bool = False,
    wandb: bool = False,
    workers: int | None = None,
    cluster: str | None = None,
    overwrite: bool = False,
    progress: bool = False,
    **shortcuts: Any,
) -> AnalysisRun:
    """Let the agent play, run the analyses, and write one directory with a report.

    The directory holds index.html, figures/ (PNG and PDF), movies/ (MP4 and GIF), results/ (netCDF, from which every
    figure can be drawn again), recording.zarr and manifest.json. Called again for the same run (same checkpoint, world,
    seed and frames) it uses the recording again, and each Result that the same code computed with the same parameters
    from the same Results, and makes the rest anew. Whatever interrupts it, the directory holds the old products or the
    new.

    Args:
        agent: an agent, or what `load_agent` takes.
        out: the directory.
        frames: decisions to record.
        world: where the agent plays: a world, or what `world_of` takes; None for the one it was trained in.
        responses: groups of further analyses, see `analyses.declaration.GROUPS`.
        only: names of the analyses to make, instead of groups; what they build on is made too.
        settings: parameters, by analysis and name: `{"raster": {"order": "rastermap"}}`.
        seed: of worlds, actions and stimuli.
        device: where the network is computed, `cpu` or `cuda`.
        gif: write the activation movies as GIF too.
        single_file: write single-file.html too, a page of at most 20 MB that can be sent; it says what it leaves out.
        checkpoints: `all` compares all checkpoints of the run that the agent comes from, and logs their numbers to
            TensorBoard, in `tensorboard/` of the directory.
        follow: `agent` is the directory of a training run, and every checkpoint of it is analysed, those to come too,
            until training has ended: each into a folder of its own in `out` (`frames_000030000128`), with all numbers
            and figures logged to TensorBoard. Called again, it goes on where it was interrupted.
        wandb: log to Weights & Biases as well.
        workers: processes that share receptive fields by layer and attribution by frames; None as each analysis has it.
        cluster: where these are computed instead, see `scale.cluster.connected`.
        overwrite: replace results of another run that the directory holds.
        progress: show progress bars on standard error if that is a terminal, else a line for each stage.
        **shortcuts: short names of some settings, see `workflows.chosen.SHORTCUTS`: `dataset="mnist.npz"`.

    Raises:
        UserError: an argument is wrong, `out` cannot be written, holds another run's results, or another process works
            there.
    """
    began = time.monotonic()
    if checkpoints not in (None, "all"):
        raise UserError(f"checkpoints {checkpoints!r}: unknown; choose all, or leave it out")
    if wandb and not (follow or checkpoints):
        raise UserError("wandb: only a training run is logged there; add follow or checkpoints")
    if follow:
        if checkpoints or isinstance(agent, Agent):
            raise UserError("follow: needs the directory of a training run, and looks at all its checkpoints by itself")
        each_time = {"frames": frames, "world": world, "responses": responses, "only": only, "settings": settings}
        each_time |= {"seed": seed, "device": device, "gif": gif, "single_file": single_file}
        each_time |= {"workers": workers, "cluster": cluster}
        each_time |= {"overwrite": overwrite, "progress": progress}
        return _follow(Path(agent), Path(out), wandb, each_time | shortcuts)
    _require_numbers(frames, seed)
    analyses = select_analyses(responses, only)
    if checkpoints:
        analyses = (*analyses, *(each for each in select_analyses(only=[COMPARISON]) if each not in analyses))
    parameters = chosen_parameters(analyses, settings or {}, shortcuts, seed)
    agent = agent if isinstance(agent, Agent) else load_agent(agent, device=device)
    wanted = _Wanted(agent, world_of(agent, world), analyses, parameters, frames, seed, device, gif, progress)
    _refuse_early(wanted)
    directory = RunDirectory(out)
    with directory.claimed(wanted.identity, overwrite), computing_on(workers, cluster):
        manifest, products, recording = _make(wanted, directory)
        manifest["seconds"] = round(time.monotonic() - began, 3)
        manifest = _publish(directory, manifest, products, recording, single_file)
    if checkpoints and COMPARISON not in manifest["omitted"]:
        with ProgressLog(directory.path, wandb) as log:
            log.log_checkpoints(load_result(directory.path / "results" / f"{COMPARISON}.nc"))
    return AnalysisRun(directory.path, directory.report, manifest)


def _require_numbers(frames: int, seed: int) -> None:
    if frames <= 0:
        raise UserError(f"frames: {frames} is not a number of decisions; give one above 0")
    if seed < 0:
        raise UserError(f"seed: {seed} is negative; give 0 or more")


def _refuse_early(wanted: _Wanted) -> None:
    """What an analysis or a figure would refuse minutes later is refused before anything is recorded."""
    from retinoscope.figures.style import active_style

    active_style()
    wanted.world.require_playable()
    inputs = Inputs(wanted.agent, None, wanted.world)
    for each in wanted.analyses:
        if each.refuse is not None:
            each.refuse(inputs, wanted.parameters[each.name])


def _make(wanted: _Wanted, directory: RunDirectory) -> tuple[dict[str, Any], list[Product], Recording]:
    """Record, analyse and draw into `unfinished`: the manifest so far, the products, and the recording."""
    from retinoscope.rollouts import record

    path, start = directory.recording(wanted.identity), time.monotonic()
    frames, seed = wanted.frames, wanted.seed
    with stage("recording", wanted.progress):
        recording = record(wanted.agent, wanted.world, frames=frames, out=path, seed=seed, progress=wanted.progress)
        recording.path = directory.path / RECORDING  # where it will be: what is said of it outlives `unfinished`
    seconds, about = time.monotonic() - start, {"frames": frames, "seed": seed}
    counts = {"environments": recording.attributes["environments"], "episodes": len(recording.episodes)}
    products = [Product("recording", "recording", RECORDING, seconds, about, measured={"found": counts})]
    inputs = Inputs(wanted.agent, recording, wanted.world, directory.cache)
    store = ResultStore(directory.unfinished / "results", directory.cache, directory.path / "results")
    omitted: dict[str, str] = {}
    names: dict[bool, list[str]] = {True: [], False: []}
    for made in run_analyses(wanted.analyses, inputs, wanted.parameters, store, wanted.identity, wanted.progress):
        name = made.analysis.name
        names[made.is_kept].append(name)
        products.append(of_result(made.result, made.seconds))
        products += write_drawings(made.result, directory.unfinished, inputs, wanted.gif)
        if OMITTED in made.result.data.attrs and not made.analysis.is_shared:
            omitted[name] = made.result.data.attrs[OMITTED]
    computed, kept = (", ".join(names[is_kept]) or "nothing" for is_kept in (False, True))
    say(f"computed: {computed}; kept: {kept}", wanted.progress)
    return _manifest(wanted, omitted, names), products, recording


def _manifest(wanted: _Wanted, omitted: dict[str, str], names: Mapping[bool, list[str]]) -> dict[str, Any]:
    shown = [each for each in wanted.analyses if not each.is_shared]
    return {
        "identity": wanted.identity,
        "agent": describe_agent(wanted.agent),
        "world": describe_world(wanted.world.declaration),
        "options": {
            "frames": wanted.frames,
            "seed": wanted.seed,
            "responses": list(dict.fromkeys(each.group for each in shown if not each.is_always_made)),
            "settings": {name: stated(each) for name, each in wanted.parameters.items()},
            "gif": wanted.gif,
            "device": wanted.device,
        },
        "versions": versions(*_PACKAGES),
        "analyses": [{"name": each.name, "title": each.title, "group": each.group} for each in shown],
        "omitted": omitted,
        "computed": names[False],
        "kept": names[True],
    }


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
        latest = AnalysisRun(done.path, done.report, done.manifest())
    return latest


def rebuild_report(directory: str | Path, *, single_file: bool = False) -> AnalysisRun:
    """Draw the figures, movies and page of a run or a comparison again from its saved results, computing nothing anew.

    Movies of activity, whose frames are not in the results, stay as they are.

    Args:
        directory: that of the run.
        single_file: write single-file.html too; one that is there is made again unasked.

    Raises:
        UserError: the directory holds no run, a saved result is missing, or the directory cannot be written.
    """
    from retinoscope.rollouts import open_recording
    from retinoscope.workflows.compare import publish_comparison

    run = RunDirectory(directory)
    with run.claimed(None):
        manifest = run.manifest()
        is_comparison = "members" in manifest
        products = []
        single_file |= any(each["path"] == SINGLE_FILE for each in manifest["products"])
        for held in (Product.from_json(each) for each in manifest["products"]):
            if held.kind == "recording":
                products.append(held)
            if held.kind == "result":
                result = load_result(run.path / held.path)
                held = dataclasses.replace(held, measured=of_result(result, held.seconds).measured)
                products += [held, *write_drawings(result, run.unfinished), *_kept_movies(result, manifest, run)]
        path = run.path / RECORDING
        recording = open_recording(path) if path.is_dir() else None  # large, and may have been deleted
        if is_comparison:
            manifest = publish_comparison(run, manifest, products)
        else:
            manifest = _publish(run, manifest, products, recording, single_file)
    return AnalysisRun(run.path, run.report, manifest)


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


def _publish(
    directory: RunDirectory,
    manifest: dict[str, Any],
    products: list[Product],
    recording: Recording | None,
    single_file: bool,
) -> dict[str, Any]:
    """Write the explorer and the pages from what is in `unfinished`, then put all of it in place."""
    began = time.monotonic()
    saved = [each.path for each in products if each.kind == "result"]
    folders = (directory.unfinished, directory.path)  # where a rebuilt run has them
    write_explorer(
        directory.unfinished,
        recording=recording,
        results=SavedResults([next(each for folder in folders if (each := folder / path).is_file()) for path in saved]),
        title=title_of(manifest["agent"]["name"], manifest["world"]["declaration"]["name"]),
        subtitle="" if recording is None else subtitle_of(recording),
        not_made=not_made_of(manifest),
    )
    products = [*products, Product("explorer", "explorer", EXPLORER, time.monotonic() - began)]
    manifest = {**manifest, "interval_percent": INTERVAL, "products": [each.to_json() for each in products]}
    manifest["products"] += [each.to_json() for each in write_methods(manifest, directory.unfinished)]
    pages = write_pages(manifest, directory.unfinished, single_file=single_file, explorer=True)
    manifest["products"] += [each.to_json() for each in pages]
    directory.publish(manifest)
    return manifest

"""`retinoscope examples`: samples that drive each component, for an agent, a recording, or anyone's arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.analyses.memory.activations import activations_of
from retinoscope.analyses.memory.component_gallery import component_gallery
from retinoscope.analyses.memory.components import components as judge_components
from retinoscope.analyses.memory.dataset_examples import ExampleParameters, examples_result, gradient_step_of
from retinoscope.analyses.memory.example_lists import example_lists, thresholds_of
from retinoscope.analyses.memory.fitted_components import (
    FittedComponentsParameters,
    fit_of,
    fitted_components,
    samples_of,
)
from retinoscope.analyses.memory.memory_components import FIT_STEPS
from retinoscope.analyses.memory.recording_windows import WINDOW_STEPS, RecordingWindows
from retinoscope.analyses.memory.samples import ArraySamples, FolderSamples, Samples
from retinoscope.analyses.methods import INTERVAL
from retinoscope.errors import UserError
from retinoscope.page.methods import write_methods
from retinoscope.page.products import of_result, write_drawings
from retinoscope.result import Result
from retinoscope.versions import versions
from retinoscope.workflows.example_files import Words, write_directions, write_json, write_scores, write_table
from retinoscope.workflows.example_pages import write_page

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.worlds.choosing import WorldLike

_PACKAGES = ("retinoscope", "torch", "numpy", "scipy", "scikit-learn", "xarray")

RECORDED = 10_000
"""Decisions recorded of an agent."""


@dataclass(frozen=True)
class Examples:
    """What `examples` made.

    Attributes:
        directory: where everything is.
        result: the Result of `dataset_examples`.
        files: all that was written, relative to the directory.
    """

    directory: Path
    result: Result
    files: tuple[str, ...]


def examples(
    source: Agent | Recording | str | Path | None = None,
    *,
    out: str | Path,
    world: WorldLike | None = None,
    activity: Any = None,
    frames: Any = None,
    gradient_step: int | None = None,
    proportion: float | Iterable[float] = (0.1,),
    components: str = "ica:16",
    fit_steps: int = FIT_STEPS,
    layer: str | None = None,
    decisions: int = RECORDED,
    window_steps: int = WINDOW_STEPS,
    stride_steps: int | None = None,
    burn_in_steps: int | None = None,
    leave_out_constant: bool = False,
    stability: bool = False,
    gallery: bool = True,
    keys: str | None = None,
    ids: str = "names",
    seed: int = 0,
    progress: bool = False,
) -> Examples:
    """Find and write the samples where each component is high, middling, low.

    Writes `dataset_examples.json` (scope, level, component: ids in ascending order), `dataset_examples.csv` (scope,
    level, component, sample, rank, value, step), `dataset_examples.nc` (the Result), histograms, `scores.npy`
    (sample, step, component) with every step's activations, `directions.npz` (directions, patterns, offset),
    `fitted_components.nc`, and, where there are frames, a contact sheet for each component; with several proportions
    one JSON and one CSV for each. `index.html` shows all of it in the explorer.

    Args:
        source: an agent, or what `load_agent` takes, which is then recorded; or a recording, or its path. None if
            `activity` is given.
        out: the directory.
        world: where an agent plays; None for the one it was trained in.
        activity: (sample, step, unit): an array, a `.npy` file, or a folder with `NAME/agent_hs.npy` (and
            `NAME/ims.npy`) for each sample. Or of whole episodes, to be cut into windows: a folder with an array in
            every `NAME.npy`, as `ArrayRecording.open` takes it; `layer` says which of them is meant.
        frames: that go with `activity`: (sample, step, height, width, channel), a `.npy` file, or a folder with
            `NAME/ims.npy`, `NAME.npy` or the pictures of each sample in `NAME/`.
        gradient_step: that gradients are taken from, counted from 0; None for the last.
        proportion: of the steps that are high, middling, low; one or several.
        components: `ica:16`, `pca:16`, `nmf:16`, or `units`.
        fit_steps: drawn at random to find the components on, and to judge their stability on.
        layer: of a recording: whose activity; None for the first layer of the memory, or the only one there is.
        decisions: recorded of an agent.
        window_steps: decisions in a sample of a recording.
        stride_steps: between the starts of samples of a recording; None for the window.
        burn_in_steps: left out at the start of episodes of a recording; None to have it measured.
        leave_out_constant: leave out units that never change, instead of refusing them.
        stability: also judge the components, which takes some minutes: `components.nc` and figures.
        gallery: draw the contact sheets.
        keys: what scopes are called in JSON and CSV, `any,saliency_step`, or scopes and levels,
            `any,saliency_step,high,mid,low`; None for `any_step,gradient_step,high,middle,low`.
        ids: of samples in JSON and CSV: `names`, or `numbers` (33 of `sample_00033`).
        seed: of all that is drawn at random.
        progress: show a progress bar while an agent is recorded.

    Raises:
        UserError: what is given cannot be used; see `analyses.dataset_examples`.
    """
    if (source is None) == (activity is None):
        raise UserError("examples: give an agent or a recording, or --activity with an array; one of the two")
    if activity is not None and world is not None:
        raise UserError("examples: --activity comes from no world; leave --world out")
    if frames is not None and activity is None:
        raise UserError("examples: frames go with --activity; a recording has its own")
    proportions = (float(proportion),) if isinstance(proportion, int | float) else tuple(proportion)
    parameters = ExampleParameters(proportions=proportions, gradient_step=gradient_step)
    wanted = FittedComponentsParameters(
        components=components,
        window_steps=window_steps,
        stride_steps=stride_steps,
        burn_in_steps=burn_in_steps,
        fit_steps=fit_steps,
        layer=layer,
        leave_out_constant=leave_out_constant,
        seed=seed,
    )
    folder = _directory(out)
    samples, agent = _samples(source, world, activity, frames, wanted, folder, decisions, progress)
    if layer is not None and not isinstance(samples, RecordingWindows):
        raise UserError(f"examples: {samples.source} has no layers to choose {layer!r} from; leave --layer out")
    step, words = gradient_step_of(parameters, samples), Words.of(samples, keys, ids)
    given = {"fitted_components": fitted_components(samples, parameters=wanted)}
    fit = fit_of(samples, given=given)
    written: list[str] = []
    with activations_of(samples, fit.fitted, folder) as activations:
        result = examples_result(fit, activations, parameters)
        for number, share in enumerate(proportions):
            name = "dataset_examples" if number == 0 else f"dataset_examples_{share:g}"
            thresholds = thresholds_of(result.data.sel(proportion=share))
            lists = example_lists(activations, fit.fitted.numbers, thresholds, step)
            write_json(result, share, folder / f"{name}.json", words)
            write_table(lists, words, folder / f"{name}.csv")
            written += [f"{name}.json", f"{name}.csv"]
        written.append(write_scores(activations, folder / "scores.npy").name)
    written.append(write_directions(fit.fitted, folder / "directions.npz").name)
    written.append(given["fitted_components"].save(folder / "fitted_components.nc").name)
    results, given = [result], given | {"dataset_examples": result}
    if stability:
        results.append(judge_components(samples, given=given))
    if gallery and samples.frames(0) is not None:
        results.append(component_gallery(samples, agent=agent, given=given))
    for each in results:
        each.save(folder / f"{each.analysis}.nc")
        written += [f"{each.analysis}.nc", *(product.path for product in write_drawings(each, folder))]
    written += [each.path for each in write_methods(_manifest([*given.values(), *results[1:]]), folder)]
    written += write_page(samples, given | {each.analysis: each for each in results}, folder)
    return Examples(folder, result, tuple(written))


def _manifest(results: list[Result]) -> dict[str, Any]:
    """What text for papers is written from."""
    products = [of_result(each, 0.0).to_json() for each in results]
    return {"products": products, "interval_percent": INTERVAL, "versions": versions(*_PACKAGES)}


def _is_same(one: Any, other: Any) -> bool:
    """Both name one place: what there is of frames lies beside the activity."""
    are_places = isinstance(one, str | Path) and isinstance(other, str | Path)
    return are_places and Path(one).resolve() == Path(other).resolve()


def _directory(out: str | Path) -> Path:
    folder = Path(out)
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror}); choose another place") from None
    return folder


def _samples(
    source: Agent | Recording | str | Path | None,
    world: WorldLike | None,
    activity: Any,
    frames: Any,
    wanted: FittedComponentsParameters,
    folder: Path,
    decisions: int,
    progress: bool,
) -> tuple[Samples, Agent | None]:
    """Samples, and the agent if it is at hand."""
    from retinoscope.rollouts import ArrayRecording, Recording, is_recording, open_recording, record

    if activity is not None:
        if isinstance(activity, str | Path) and Path(activity).is_dir():
            if frames is not None and not _is_same(frames, activity):
                raise UserError(f"{activity}: a folder of samples has its frames in it; leave --frames out")
            if next(Path(activity).glob("*.npy"), None) is not None:
                return samples_of(ArrayRecording.open(activity), wanted), None
            return FolderSamples(activity), None
        if _is_same(frames, activity):
            raise UserError(f"{activity}: is one file and cannot hold both; leave --frames out, or give another")
        return ArraySamples(activity, frames), None

    if isinstance(source, str | Path) and is_recording(source):
        source = open_recording(source)
    if isinstance(source, Recording):
        if world is not None:
            raise UserError(f"{source.path}: was recorded in a world already; leave --world out")
        return samples_of(source, wanted), None
    agent = source if isinstance(source, Agent) else load_agent(str(source))
    path = folder / "recording.zarr"
    recording = record(agent, world, frames=decisions, out=path, seed=wanted.seed, progress=progress)
    return samples_of(recording, wanted, agent), agent

"""From several agents to a directory with a page on what is alike between them, and what is not."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import require_device
from retinoscope.analyses.compared import Compared, Member, Views
from retinoscope.analyses.declaration import Analysis, Inputs
from retinoscope.analyses.early_vision.learned_line import learned_line
from retinoscope.analyses.images.display import display
from retinoscope.analyses.images.shown_images import ShownImagesParameters
from retinoscope.analyses.methods import INTERVAL
from retinoscope.analyses.registry import all_analyses, analysis, select_analyses
from retinoscope.errors import UserError
from retinoscope.page.comparison import write_comparison
from retinoscope.page.methods import write_methods
from retinoscope.page.products import OMITTED, Product, of_result, write_drawings
from retinoscope.progress import say
from retinoscope.rollouts.kept_frames import KEEP
from retinoscope.settings import nearest, stated, with_settings
from retinoscope.stimuli.presentation import present
from retinoscope.versions import versions
from retinoscope.workflows.chosen import Settings, chosen_parameters
from retinoscope.workflows.compared_agents import members_of
from retinoscope.workflows.compared_explorer import write_compared_explorer
from retinoscope.workflows.played import Played
from retinoscope.workflows.reuse import ResultStore
from retinoscope.workflows.run_directory import RunDirectory
from retinoscope.workflows.running import run_analyses, stage
from retinoscope.worlds.choosing import WorldLike, world_of
from retinoscope.worlds.world import World

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

RECORDINGS = "recordings"
STIMULI = ("frames", "images", "both")
_SHOWN = "shown_images"
_IMAGES = 100  # that are shown, unless shown_images.images says another number
_PACKAGES = ("retinoscope", "torch", "numpy", "scipy", "xarray", "zarr", "vizdoom", "matplotlib")


@dataclass(frozen=True)
class Comparison:
    """What `compare` made.

    Attributes:
        directory: where everything is.
        report: the page.
        manifest: what is in manifest.json: `identity`, `members`, `stimuli`, `options`, `versions`, `seconds`,
            `analyses`, `omitted`, `computed`, `kept` and `products`, as `analyze` has them, and `explored`, the path of
            the recording that the explorer shows, or None.
    """

    directory: Path
    report: Path
    manifest: dict[str, Any]


def compare(
    *agents: Agent | str | Path,
    out: str | Path,
    checkpoints: str | Iterable[str | int] | None = None,
    stimuli: Literal["frames", "images", "both"] = "frames",
    frames: int = 1000,
    recording: Recording | str | Path | None = None,
    world: WorldLike | None = None,
    only: Iterable[str] = (),
    settings: Settings | None = None,
    dataset: Any = None,
    presentation: Any = None,
    seed: int = 0,
    workers: int | None = None,
    device: str = "cpu",
    overwrite: bool = False,
    progress: bool = False,
) -> Comparison:
    """Compare agents, trainings or checkpoints on the same stimuli, and write one directory with a page.

    The directory holds index.html, figures/, tables/, results/ and, of what was played for it, recordings/. Called
    again for the same agents and stimuli it uses recordings and Results again. Whatever interrupts it, the directory
    holds the old products or the new.

    Args:
        *agents: agents, or what `load_agent` takes; `digits@early` is a checkpoint of it.
        out: the directory.
        checkpoints: `all` for every checkpoint of each of them, or some, as `first,1e6,final`; None for those named.
        stimuli: frames of recordings, images shown, or both.
        frames: decisions that each agent plays; every agent is shown those that the last agent of each training played.
        recording: whose frames every agent is shown instead.
        world: where they play, and in whose view images stand; None for the world each was trained in, and for images
            that of the first.
        only: names of the comparisons to make; none for all.
        settings: parameters, by analysis and name; of the images shown by `shown_images`.
        dataset: images that are shown; None for those of the world.
        presentation: where they are shown, as `analyze` takes it.
        seed: of worlds, actions, images and shuffles.
        workers: processes that play; None for one per core.
        device: where networks are computed, `cpu` or `cuda`.
        overwrite: replace results of another run that the directory holds.
        progress: show progress bars on standard error if that is a terminal, else a line for each stage.

    Raises:
        UserError: an argument is wrong, the agents cannot be shown the same stimuli, or `out` cannot be written, holds
            another run's results, or another process works there.
    """
    began = time.monotonic()
    if stimuli not in STIMULI:
        raise UserError(f"stimuli {stimuli!r}: unknown; {nearest(str(stimuli), STIMULI)}")
    if frames < 4:
        raise UserError(f"frames: {frames} decisions are too few to compare agents on; give at least 4")
    if seed < 0:
        raise UserError(f"seed: {seed} is negative; give 0 or more")
    if recording is not None and stimuli == "images":
        raise UserError("recording: its frames are not shown with --stimuli images; leave it out, or show both")
    require_device(device)
    analyses = _comparisons(only)
    parameters, shown = _parameters(analyses, settings or {}, dataset, presentation, seed, stimuli)
    members = members_of(agents, checkpoints, device)
    _refuse_early(members, analyses, parameters)
    source = _opened(recording, members, world)
    worlds = _worlds(members, world, needed=stimuli != "images" and source is None)
    _refuse_images(members[0], world, shown)
    directory = RunDirectory(out)
    identity = _identity(members, worlds, source, stimuli, frames, seed, shown)
    with directory.claimed(identity, overwrite):
        played = Played(
            members, worlds, frames, seed, directory.cache / RECORDINGS, directory.path / RECORDINGS, workers, progress
        )
        compared = _compared(members, worlds, played, source, stimuli, shown, world)
        manifest, products = _make(compared, analyses, parameters, directory, identity, progress)
        manifest["options"] = {"stimuli": stimuli, "frames": frames, "seed": seed, "device": device}
        manifest["seconds"] = round(time.monotonic() - began, 3)
        is_ours = source is None and bool(compared.frames)
        manifest["explored"] = f"{RECORDINGS}/{compared.frames[0].path.name}" if is_ours else None
        products = [*_kept_recordings(played, directory, frames, seed), *products]
        manifest = publish_comparison(directory, manifest, products)
    return Comparison(directory.path, directory.report, manifest)


def publish_comparison(directory: RunDirectory, manifest: Mapping[str, Any], products: list[Product]) -> dict[str, Any]:
    """Write the page from what is in `unfinished`, then put all of it in place."""
    found = {**manifest, "interval_percent": INTERVAL, "products": [each.to_json() for each in products]}
    found["products"] += [each.to_json() for each in write_methods(found, directory.unfinished)]
    found["products"] += [each.to_json() for each in write_compared_explorer(directory, found)]
    found["products"] += [each.to_json() for each in write_comparison(found, directory.unfinished)]
    directory.publish(found)
    return found


def is_comparison(each: Analysis) -> bool:
    """Whether `compare` makes it."""
    return each.of == "compared"


def _comparisons(only: Iterable[str]) -> tuple[Analysis, ...]:
    names = [only] if isinstance(only, str) else list(only)
    asked = [name.strip() for text in names for name in text.split(",") if name.strip()]
    for name in asked:
        if not is_comparison(analysis(name)):
            known = [each.name for each in all_analyses().values() if is_comparison(each) and not each.is_shared]
            raise UserError(f"analysis {name!r}: is of one agent, and no comparison; choose from {', '.join(known)}")
    wanted = asked or [each.name for each in all_analyses().values() if is_comparison(each) and not each.is_on_request]
    return select_analyses(only=wanted)


def _parameters(
    analyses: tuple[Analysis, ...], settings: Settings, dataset: Any, presentation: Any, seed: int, stimuli: str
) -> tuple[dict[str, Any], ShownImagesParameters | None]:
    """Those of every analysis, and of the images that are shown; None where none are."""
    given = {name: value for name, value in (("dataset", dataset), ("presentation", presentation)) if value is not None}
    of_images = {**settings.get(_SHOWN, {}), **given}
    if stimuli == "frames" and of_images:
        raise UserError(f"{', '.join(of_images)}: no images are shown with --stimuli frames; ask for images, or both")
    others = {name: value for name, value in settings.items() if name != _SHOWN}
    shown = None
    if stimuli != "frames":
        shown = with_settings(ShownImagesParameters(seed=seed), {"images": _IMAGES, **of_images})
    return chosen_parameters(analyses, others, {}, seed), shown


def _opened(
    recording: Recording | str | Path | None, members: tuple[Member, ...], world: WorldLike | None
) -> Recording | None:
    """The recording whose frames are shown; those that it did not keep are rendered again, in the world it names."""
    from retinoscope.rollouts import open_recording, with_frames

    found = open_recording(recording) if isinstance(recording, str | Path) else recording
    if found is None or found.why_no_frames is None:
        return found
    if KEEP not in found.attributes:
        raise UserError(f"{found.path}: holds no frames that agents could be shown; give a recording with observations")
    sha256 = found.attributes["checkpoint_sha256"]
    player = next((each.agent for each in members if each.agent.checkpoint_sha256 == sha256), members[0].agent)
    return with_frames(found, world_of(player, world))


def _worlds(members: tuple[Member, ...], world: WorldLike | None, needed: bool) -> dict[str, World]:
    """Where each member plays; where that is not needed, as far as it is known."""
    found: dict[str, World] = {}
    by_run: dict[tuple[str, str], World] = {}
    for each in members:
        try:
            where = by_run.get((each.run, each.agent.name)) or world_of(each.agent, world)
            where.require_playable()
        except UserError:
            if needed:
                raise
            continue
        found[each.name] = by_run[each.run, each.agent.name] = where
    return found


def _refuse_early(members: tuple[Member, ...], analyses: tuple[Analysis, ...], parameters: Mapping[str, Any]) -> None:
    """What a comparison would refuse minutes later is refused before anything is played."""
    from retinoscope.figures.style import active_style

    active_style()
    inputs = Inputs(None, None, compared=Compared(members))
    for each in analyses:
        if each.refuse is not None:
            each.refuse(inputs, parameters[each.name])


def _refuse_images(first: Member, world: WorldLike | None, shown: ShownImagesParameters | None) -> None:
    """Images that cannot be shown are refused before anything is recorded."""
    if shown is not None:
        display(first.agent, world, shown.dataset, shown.presentation, shown.class_effects)


def _compared(
    members: tuple[Member, ...],
    worlds: Mapping[str, World],
    played: Played,
    source: Recording | None,
    stimuli: str,
    shown: ShownImagesParameters | None,
    world: WorldLike | None,
) -> Compared:
    frames: tuple[Recording, ...] = ()
    if stimuli != "images":
        last = {each.run: each.name for each in members}
        frames = (source,) if source is not None else tuple(played[name] for name in last.values())
    with stage("images", played.progress and shown is not None):
        views = None if shown is None else _views(members[0], world, shown)
    return Compared(members, frames, views, worlds, played, shown)


def _views(first: Member, world: WorldLike | None, shown: ShownImagesParameters) -> Views:
    """Images, as evenly over classes as the set allows, at every place."""
    images = display(first.agent, world, shown.dataset, shown.presentation, shown.class_effects)
    chosen = images.shown.some(max(shown.images, 4), shown.seed)
    observations, numbers = [], []
    for each in present(images.world.arena, images.shown.images[chosen], images.places):
        observations.append(each.observations)
        numbers.append(each.start + np.arange(len(each.observations)))
    places = f"{len(images.places)} place{'s' if len(images.places) != 1 else ''}"
    words = f"{len(chosen)} images of {images.shown.name} at {places}"
    return Views(np.concatenate(observations), np.concatenate(numbers), words)


def _identity(
    members: tuple[Member, ...],
    worlds: Mapping[str, World],
    source: Recording | None,
    stimuli: str,
    frames: int,
    seed: int,
    shown: ShownImagesParameters | None,
) -> dict[str, Any]:
    """What makes two comparisons the same: the same agents are shown the same."""
    of_source = None
    if source is not None:
        known = ("agent", "checkpoint_sha256", "world_sha256", "seed")
        of_source = {name: source.attributes.get(name) for name in known} | {"frames": source.frames}
    return {
        "members": [
            [each.name, each.agent.checkpoint_sha256 or f"none, in memory: {each.agent.name}"] for each in members
        ],
        "worlds": {name: where.declaration.sha256 for name, where in worlds.items()},
        "recording": of_source,
        "stimuli": stimuli,
        "frames": frames,
        "seed": seed,
        "images": None if shown is None else stated(shown),
    }


def _make(
    compared: Compared,
    analyses: tuple[Analysis, ...],
    parameters: Mapping[str, Any],
    directory: RunDirectory,
    identity: Mapping[str, Any],
    progress: bool,
) -> tuple[dict[str, Any], list[Product]]:
    """Compare and draw into `unfinished`: the manifest so far, and the products."""
    inputs = Inputs(None, None, cache=directory.cache, compared=compared)
    store = ResultStore(directory.unfinished / "results", directory.cache, directory.path / "results")
    products: list[Product] = []
    omitted: dict[str, str] = {}
    names: dict[bool, list[str]] = {True: [], False: []}
    for made in run_analyses(analyses, inputs, parameters, store, identity, progress):
        name = made.analysis.name
        names[made.is_kept].append(name)
        products.append(of_result(made.result, made.seconds))
        products += write_drawings(made.result, directory.unfinished)
        if OMITTED in made.result.data.attrs and not made.analysis.is_shared:
            omitted[name] = made.result.data.attrs[OMITTED]
    computed, kept = (", ".join(names[is_kept]) or "nothing" for is_kept in (False, True))
    say(f"computed: {computed}; kept: {kept}", progress)
    shown = [each for each in analyses if not each.is_shared]
    manifest = {
        "identity": dict(identity),
        "members": [_described(each, compared) for each in compared.members],
        "stimuli": _stimuli_in_words(compared),
        "versions": versions(*_PACKAGES),
        "analyses": [{"name": each.name, "title": each.title, "group": each.group} for each in shown],
        "omitted": omitted,
        "computed": names[False],
        "kept": names[True],
    }
    return manifest, products


def _described(member: Member, compared: Compared) -> dict[str, Any]:
    agent, world = member.agent, compared.worlds.get(member.name)
    return {
        "name": member.name,
        "run": member.run,
        "checkpoint": str(agent.checkpoint) if agent.checkpoint else None,
        "checkpoint_sha256": agent.checkpoint_sha256,
        "frames_trained": agent.frames_trained,
        "world": None if world is None else world.declaration.name,
        "learned": learned_line(agent).text,
    }


def _stimuli_in_words(compared: Compared) -> list[str]:
    found = []
    if compared.frames:
        by = ", ".join(dict.fromkeys(str(each.attributes["agent"]) for each in compared.frames))
        found.append(f"{sum(each.frames for each in compared.frames):,} frames played by {by}")
    return [*found, *([] if compared.views is None else [compared.views.words])]


def _kept_recordings(played: Played, directory: RunDirectory, frames: int, seed: int) -> list[Product]:
    """Recordings that were made for the comparison become part of it."""
    found = []
    for name in sorted(played.used):
        made, place = played.folder / name, directory.unfinished / RECORDINGS / name
        if made.is_dir():
            place.parent.mkdir(exist_ok=True)
            os.replace(made, place)
        about = {"frames": frames, "seed": seed}
        found.append(Product("recording", "recording", f"{RECORDINGS}/{name}", 0.0, about))
    return found

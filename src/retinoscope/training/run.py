"""One call that trains an agent: set up the run directory, run Sample Factory, keep the learning curve."""

from __future__ import annotations

import csv
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from retinoscope.agents.load import require_device
from retinoscope.agents.own_encoder import make_encoder
from retinoscope.agents.sample_factory_run import load_checkpoint, network_of_run, weight_names
from retinoscope.errors import UserError
from retinoscope.files import replacing
from retinoscope.scale.spawning import termination_as_interrupt
from retinoscope.scenarios import get_arena, load_scenario
from retinoscope.training.config import TrainingConfig, learning_rate_at, sample_factory_arguments
from retinoscope.training.settling import settled

CURVE_COLUMNS = ("frames", "seconds", "episode_return", "episode_frames", "healing", "harmful")


def train(scenario: str | Path, out: str | Path, config: TrainingConfig | None = None, progress: bool = False) -> Path:
    """Train an agent by APPO and return its run directory.

    The run directory holds what Sample Factory writes (config.json, checkpoints, TensorBoard logs), the scenario
    (scenario.yaml), the parameters (training.json) and learning_curve.csv. Calling it again with the same directory
    resumes from the last checkpoint. Interrupted (Ctrl-C, or SIGTERM, by which schedulers end jobs), it saves one and
    then raises KeyboardInterrupt, so that nothing that was to follow takes the run for a finished one.

    Args:
        scenario: name or path of a scenario.
        out: run directory.
        config: parameters. Those that it does not name are those of the run that is resumed, else what the scenario
            says under `training`, else the defaults.
        progress: show a progress line on standard error if that is a terminal.

    Raises:
        UserError: the scenario is wrong or cannot be played, the directory cannot be used, or sample-factory is not
            installed.
    """
    run_directory = Path(out).resolve()
    os.environ["OMP_NUM_THREADS"] = "1"  # inherited by the processes; more threads than cores cost tens of times
    specification = load_scenario(scenario)  # first: what Sample Factory imports may have its own things to say
    config = settled(config or TrainingConfig(), specification, run_directory)
    require_device(config.device)
    _import_sample_factory()
    from retinoscope.worlds.doom.environment import require_playable

    arena = get_arena(specification)
    require_playable(arena)
    view = specification.observation
    make_encoder(config.network, (view.height, view.width, 3))  # a network that does not fit is better refused here
    _require_resumable(run_directory, specification.to_yaml(), config)
    from retinoscope.training import worker

    _prepare(run_directory, specification.to_yaml(), config, arena.sha256)
    worker.register(config.workers)
    cfg = _parse(config, run_directory, specification.frame_skip)
    _run(cfg, run_directory, config, progress)
    return run_directory


def _import_sample_factory() -> None:
    try:
        import sample_factory  # noqa: F401
    except ImportError:
        raise UserError("sample-factory is not installed; install it with: pip install 'retinoscope[train]'") from None


def _require_resumable(run_directory: Path, scenario_yaml: str, config: TrainingConfig) -> None:
    """A run that is there already must be the same one, and its last checkpoint whole.

    Sample Factory would hang on a network of another shape, and silently begin anew behind a damaged checkpoint.
    """
    scenario_file = run_directory / "scenario.yaml"
    if scenario_file.exists() and scenario_file.read_text(encoding="utf-8") != scenario_yaml:
        raise UserError(f"{run_directory}: holds a run in another scenario; choose another directory")
    checkpoints = sorted((run_directory / "checkpoint_p0").glob("checkpoint_*.pth"))
    if not checkpoints:
        return
    load_checkpoint(checkpoints[-1])
    there = network_of_run(run_directory)
    for name, value in config.network.model_dump().items():
        if getattr(there, name) != value:
            raise UserError(
                f"{run_directory}: holds a run whose network has {name} {getattr(there, name)!r}, not {value!r}; "
                "choose another directory"
            )
    has_decoder = any(name.startswith("encoder.decoder.") for name in weight_names(checkpoints[-1]))
    if has_decoder != (config.reconstruction_weight > 0):
        begun = "with" if has_decoder else "without"
        raise UserError(
            f"{run_directory}: holds a run that was begun {begun} reconstruction, which cannot be changed; "
            "choose another directory"
        )


def _prepare(run_directory: Path, scenario_yaml: str, config: TrainingConfig, arena_sha256: str) -> None:
    description = {"config": config.model_dump(), "arena_sha256": arena_sha256}
    contents = {"scenario.yaml": scenario_yaml, "training.json": json.dumps(description, indent=2)}
    try:
        run_directory.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            with replacing(run_directory / name) as temporary:
                temporary.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{run_directory}: cannot be written ({error.strerror}); choose another directory") from None


def _parse(config: TrainingConfig, run_directory: Path, frame_skip: int) -> Any:
    from sample_factory.cfg.arguments import parse_full_cfg, parse_sf_args

    from retinoscope.training import worker

    scenario_file = str(run_directory / "scenario.yaml")
    arguments = sample_factory_arguments(
        config, run_directory.name, str(run_directory.parent), scenario_file, frame_skip
    )
    parser, _ = parse_sf_args(arguments)
    worker.add_arguments(parser)
    return parse_full_cfg(parser, arguments)


def _run(cfg: Any, run_directory: Path, config: TrainingConfig, progress: bool) -> None:
    from sample_factory.algo.utils.misc import ExperimentStatus
    from sample_factory.train import make_runner

    cfg, runner = make_runner(cfg)
    runner.register_observer(_make_observer(run_directory, config, progress))
    status = runner.init()
    if status == ExperimentStatus.SUCCESS:
        with termination_as_interrupt():
            status = runner.run()
            for each in (*runner.processes, runner.sampler):  # interrupted, they are still saving
                each.join()
    if status == ExperimentStatus.FAILURE:
        raise RuntimeError(f"training failed; see {run_directory / 'sf_log.txt'}")
    if status == ExperimentStatus.INTERRUPTED:
        raise KeyboardInterrupt


def _make_observer(run_directory: Path, config: TrainingConfig, progress: bool) -> Any:
    from sample_factory.algo.runners.runner import AlgoObserver

    class LearningCurve(AlgoObserver):
        """Keeps the untrained network, follows its learning rate, writes learning_curve.csv, shows progress."""

        def __init__(self) -> None:
            self.path = run_directory / "learning_curve.csv"
            self.began = time.monotonic()
            self.line = _ProgressLine(config.frames) if progress else None

        def on_connect_components(self, runner: Any) -> None:
            for learner in runner.learners.values():
                runner.connect("learning_rate", learner.on_update_cfg)

        def on_start(self, runner: Any) -> None:
            runner.save_milestone.emit()

        def extra_summaries(self, runner: Any, policy_id: int, writer: Any, env_steps: int) -> None:
            runner.emit("learning_rate", {"learning_rate": learning_rate_at(config, env_steps)})
            row = [env_steps, round(time.monotonic() - self.began, 1)]
            for name in ("reward", "len", "healing", "harmful"):
                recent = runner.policy_avg_stats.get(name)
                is_known = recent and recent[policy_id]
                row.append(round(float(np.mean(recent[policy_id])), 4) if is_known else float("nan"))
            is_new = not self.path.exists()
            with self.path.open("a", newline="") as file:
                rows = csv.writer(file)
                if is_new:
                    rows.writerow(CURVE_COLUMNS)
                rows.writerow(row)
            if self.line:
                self.line.show(env_steps, row[2])

        def on_stop(self, runner: Any) -> None:
            if self.line:
                self.line.close()

    return LearningCurve()


class _ProgressLine:
    def __init__(self, frames: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("training"), BarColumn(), TextColumn("{task.fields[text]}"), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task("training", total=frames, text="starting")
        self._bar.start()

    def show(self, frames: int, episode_return: float) -> None:
        speed = self._bar.tasks[self._task].speed or float("nan")
        text = f"{frames / 1e6:.2f} M frames, {speed:,.0f}/s, return {episode_return:.1f}"
        self._bar.update(self._task, completed=frames, text=text)

    def close(self) -> None:
        self._bar.stop()

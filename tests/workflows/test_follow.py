"""Every checkpoint of a run is analysed once, as it comes; what was found is logged under tags that stay the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray

import retinoscope
from retinoscope.agents.networks import NetworkConfig
from retinoscope.errors import UserError
from retinoscope.result import Result, load_result
from retinoscope.training import TrainingConfig
from retinoscope.workflows import analyze
from retinoscope.workflows.follow import new_checkpoints
from retinoscope.workflows.progress_log import FOLDER, ProgressLog, numbers_of
from tests.agents.sample_factory_models import make_model, write_run

PLANNED = 9000
FRAMES = 120


@pytest.fixture(scope="module")
def model():
    network = NetworkConfig(global_channels=2, kernel_size=3, vvs_depth=0, hidden_size=8, rnn_size=4)
    return make_model(TrainingConfig(network=network, frames=PLANNED))


@pytest.fixture
def training(model, tmp_path) -> Path:
    """A run that has saved one checkpoint, of 4096 frames."""
    write_run(tmp_path / "run", *model)
    return tmp_path / "run"


def save_checkpoint(run: Path, frames: int) -> Path:
    """As training goes on, with weights a little changed."""
    first = run / "checkpoint_p0" / "checkpoint_000000001_4096.pth"
    content = torch.load(first, weights_only=False)
    content["env_steps"] = frames
    for weights in content["model"].values():
        if weights.dtype.is_floating_point and weights.ndim > 1:
            weights *= 1.1
    path = first.with_name(f"checkpoint_00000000{frames % 7}_{frames}.pth")
    torch.save(content, path)
    return path


def finish(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")


def test_checkpoints_come_in_order_until_training_has_ended(training, tmp_path):
    out, waits = tmp_path / "out", []

    def goes_on(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            save_checkpoint(training, 6000)
        if len(waits) == 3:
            save_checkpoint(training, 8900)  # nearly all of what was planned is not all
        if len(waits) == 4:
            save_checkpoint(training, 9004)

    found = []
    for agent, folder in new_checkpoints(training, out, 0.5, goes_on):
        found.append((agent.frames_trained, folder.name))
        finish(folder)
    assert found == [(frames, f"frames_{frames:012d}") for frames in (4096, 6000, 8900, 9004)]
    assert waits == [0.5] * 4
    assert list(new_checkpoints(training, out, 0.5, goes_on)) == []  # nothing is done twice


def test_one_that_training_has_deleted_meanwhile_is_passed_over(training, tmp_path):
    gone = save_checkpoint(training, 6000)
    save_checkpoint(training, 9004)
    found = []
    for agent, folder in new_checkpoints(training, tmp_path / "out"):
        gone.unlink(missing_ok=True)
        found.append(agent.frames_trained)
        finish(folder)
    assert found == [4096, 9004]


def test_a_damaged_checkpoint_is_said_to_be(training, tmp_path):
    save_checkpoint(training, 9004).write_bytes(b"nothing")
    (training / "checkpoint_p0" / "checkpoint_000000001_4096.pth").unlink()
    with pytest.raises(UserError, match="truncated or not a checkpoint"):
        list(new_checkpoints(training, tmp_path / "out"))
    with pytest.raises(UserError, match="is no training run"):
        list(new_checkpoints(tmp_path / "elsewhere", tmp_path / "out"))


def events_of(folder: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


@pytest.mark.engine
def test_following_analyses_and_logs_every_checkpoint(training, tmp_path):
    save_checkpoint(training, 9004)
    out = tmp_path / "out"
    last = analyze(training, out=out, frames=FRAMES, follow=True, only="burn_in")
    names = ["frames_000000004096", "frames_000000009004"]
    assert sorted(path.name for path in out.iterdir()) == [*names, FOLDER]
    assert last.directory.name == names[1] and (last.directory / "index.html").is_file()
    for name, frames in zip(names, (4096, 9004), strict=True):
        manifest = json.loads((out / name / "manifest.json").read_text())
        assert manifest["agent"]["frames_trained"] == frames
        assert (out / name / "figures" / "burn_in.png").is_file()
    logged = events_of(out / FOLDER)
    steps = [(event.step, event.value) for event in logged.Scalars("retinoscope/burn_in/steps")]
    measured = [float(load_result(out / name / "results" / "burn_in.nc").data["steps"]) for name in names]
    assert steps == list(zip((4096, 9004), measured, strict=True))
    assert [event.step for event in logged.Images("retinoscope/burn_in")] == [4096, 9004]
    again = analyze(training, out=out, frames=FRAMES, follow=True, only="burn_in")
    assert again.directory == last.directory and again.manifest["seconds"] == last.manifest["seconds"]


@pytest.mark.engine
def test_all_checkpoints_are_compared(training, tmp_path):
    save_checkpoint(training, 6000)
    out = tmp_path / "out"
    run = analyze(training, out=out, frames=FRAMES, only="burn_in", checkpoints="all", wandb=False)
    assert run.manifest["omitted"] == {}
    data = load_result(out / "results" / "training_progress.nc").data
    assert data["frames_trained"].values.tolist() == [4096, 6000]
    # All weights were multiplied by the same: fields keep their direction in the first, linear part of the network.
    np.testing.assert_allclose(data["conv1_with_last"].values[1], 1.0, atol=1e-6)
    assert (data["conv1_with_last"].values[0] > 0.99).all()
    assert np.isnan(data["conv1_with_previous"].values[0]).all()
    assert np.isfinite(data["positive"].values).all() and np.isfinite(data["participation_fc"].values).all()
    names = {path.name for path in (out / "figures").iterdir()} | {path.name for path in (out / "tables").iterdir()}
    assert {"training_progress.png", "training_progress.csv"} <= names
    tags = events_of(out / FOLDER)
    logged = [(event.step, event.value) for event in tags.Scalars("retinoscope/training_progress/positive")]
    expected = list(zip((4096, 6000), data["positive"].values, strict=True))
    np.testing.assert_allclose(logged, expected, rtol=1e-6)


@pytest.mark.engine
def test_one_checkpoint_alone_is_not_compared_and_the_page_says_so(training, tmp_path):
    run = analyze(training, out=tmp_path / "out", frames=FRAMES, only="burn_in", checkpoints="all")
    assert "needs at least 2" in run.manifest["omitted"]["training_progress"]
    assert "needs at least 2" in run.report.read_text(encoding="utf-8")


def test_what_makes_no_sense_is_refused(training, tmp_path):
    for settings, message in (
        ({"checkpoints": "some"}, "checkpoints 'some'"),
        ({"wandb": True}, "wandb: only a training run"),
        ({"follow": True, "checkpoints": "all"}, "follow: needs the directory"),
    ):
        with pytest.raises(UserError, match=message):
            analyze(training, out=tmp_path / "out", frames=FRAMES, **settings)
    assert not (tmp_path / "out").exists()


def test_numbers_with_names_are_logged_and_arrays_of_units_are_not():
    data = xarray.Dataset(
        {
            "single": ((), 2.5),
            "unknown": ((), np.nan),
            "share": (("kind", "layer"), [[0.1, np.nan]]),
            "activity": (("kind", "unit"), np.zeros((1, 3))),
            "word": ((), "text"),
        },
        coords={"kind": ["healing"], "layer": ["fc", "rnn"], "unit": [0, 1, 2]},
    )
    assert numbers_of(Result("events", data)) == {
        "retinoscope/events/single": 2.5,
        "retinoscope/events/share/healing/fc": 0.1,
    }


def test_checkpoints_are_logged_by_the_frames_trained_whatever_their_order(tmp_path):
    data = xarray.Dataset({"positive": ("checkpoint", [3.0, 1.0, 2.0])})
    data = data.assign_coords(
        frames_trained=("checkpoint", [90, 0, 50]), checkpoint_sha256=("checkpoint", ["c", "a", "b"])
    )
    with ProgressLog(tmp_path) as log:
        log.log_checkpoints(Result("training_progress", data))
    events = events_of(tmp_path / FOLDER).Scalars("retinoscope/training_progress/positive")
    assert [(event.step, event.value) for event in events] == [(0, 1.0), (50, 2.0), (90, 3.0)]


OFFLINE = """
import sys
from pathlib import Path
import xarray
from retinoscope.result import Result
from retinoscope.workflows.progress_log import ProgressLog

data = xarray.Dataset({"positive": ("checkpoint", [1.0, 3.0])})
data = data.assign_coords(frames_trained=("checkpoint", [0, 50]), checkpoint_sha256=("checkpoint", ["a", "b"]))
with ProgressLog(Path(sys.argv[1]), wandb=True) as log:
    log.log_checkpoints(Result("training_progress", data))
"""


def test_weights_and_biases_work_offline(tmp_path):
    """In a process of its own, whose end waits for what wandb writes beside it."""
    environment = {**os.environ, "WANDB_MODE": "offline", "WANDB_SILENT": "true", "HOME": str(tmp_path)}
    environment["PYTHONPATH"] = str(Path(retinoscope.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (written,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    assert b"retinoscope/training_progress/positive" in written.read_bytes()

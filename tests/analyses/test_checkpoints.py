"""Which checkpoints stand for before, early in and after training."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.analyses.checkpoints import checkpoints_of, every_checkpoint
from retinoscope.errors import NotMeasurable
from retinoscope.training import TrainingConfig
from tests.agents.sample_factory_models import make_model, write_run


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    """Checkpoints after 0, 1,000, 4,096, 9,000 and 10,000 frames, all but the last two milestones."""
    folder = tmp_path / "run"
    write_run(folder, *make_model(TrainingConfig(network=NetworkConfig(global_channels=4, hidden_size=8, rnn_size=4))))
    written = next((folder / "checkpoint_p0").glob("*.pth"))
    milestones = folder / "checkpoint_p0" / "milestones"
    milestones.mkdir()
    for number, frames in enumerate((0, 4_096, 1_000)):
        shutil.copy(written, milestones / f"checkpoint_{number:09d}_{frames}.pth")
    written.rename(written.with_name("checkpoint_000000008_9000.pth"))
    shutil.copy(written.with_name("checkpoint_000000008_9000.pth"), written.with_name("checkpoint_000000009_10000.pth"))
    return folder


def frames_of(found: dict[str, Agent]) -> dict[str, str]:
    return {name: each.checkpoint.stem.rpartition("_")[2] for name, each in found.items() if each.checkpoint}


def test_a_run_has_a_first_an_early_and_a_final_checkpoint(run_directory: Path) -> None:
    assert frames_of(checkpoints_of(load_agent(run_directory))) == {"first": "0", "early": "1000", "final": "10000"}


def test_an_agent_from_between_stands_beside_them(run_directory: Path) -> None:
    found = frames_of(checkpoints_of(load_agent(run_directory, checkpoint=4_096)))
    assert found == {"first": "0", "early": "1000", "final": "10000", "this": "4096"}


def test_early_is_neither_the_first_nor_the_last_even_if_these_are_nearer_to_a_tenth(run_directory: Path) -> None:
    milestones = run_directory / "checkpoint_p0" / "milestones"
    (milestones / "checkpoint_000000002_1000.pth").unlink()
    (run_directory / "checkpoint_p0" / "checkpoint_000000008_9000.pth").unlink()
    assert frames_of(checkpoints_of(load_agent(run_directory))) == {"first": "0", "early": "4096", "final": "10000"}
    shutil.rmtree(milestones)
    assert frames_of(checkpoints_of(load_agent(run_directory))) == {"first": "10000"}


def test_shipped_agents_have_three(tmp_path: Path) -> None:
    assert list(checkpoints_of(load_agent("digits"))) == ["untrained", "early", "final"]
    alone = Path(shutil.copy(load_agent("digits").checkpoint or "", tmp_path / "mine.safetensors"))
    assert list(checkpoints_of(load_agent(alone))) == ["this"]


def test_every_checkpoint_is_in_the_order_of_training_whichever_is_asked(run_directory: Path) -> None:
    for checkpoint in ("final", "first", 4_096):
        found = every_checkpoint(load_agent(run_directory, checkpoint=checkpoint))
        names = [each.checkpoint.name for each in found if each.checkpoint]
        assert [name.rpartition("_")[2] for name in names] == [f"{n}.pth" for n in (0, 1000, 4096, 9000, 10000)]


def test_every_checkpoint_of_a_shipped_agent_is_one_of_three(tmp_path: Path) -> None:
    trained = [each.frames_trained or 0 for each in every_checkpoint(load_agent("digits", "early"))]
    assert len(trained) == 3 and trained == sorted(trained) and trained[0] == 0
    alone = Path(shutil.copy(load_agent("digits").checkpoint or "", tmp_path / "mine.safetensors"))
    with pytest.raises(NotMeasurable, match="is no checkpoint of a run"):
        every_checkpoint(load_agent(alone))

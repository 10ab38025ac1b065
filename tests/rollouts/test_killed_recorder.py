"""`kill -9` while recording: at most one block is lost, nothing keeps running, and it goes on to the same content."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from retinoscope.rollouts import open_recording, record
from tests.rollouts.killed_recorder import player
from tests.rollouts.recordings import assert_same_content

BLOCK_FRAMES = 64


@pytest.mark.parametrize(
    ("where", "kills", "frames", "family"),
    [("arena", 5, 500, 3), ("flicker", 7, 900, 2)],
    ids=["with workers and engines", "with a worker"],
)
def test_killed_at_random_moments_a_recording_loses_one_block_at_most_and_goes_on(
    where: str, kills: int, frames: int, family: int, tmp_path: Path
) -> None:
    """Twelve times in all; where no engine has to be started each time, that is quick."""
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    command = [sys.executable, "-m", "tests.rollouts.killed_recorder", where, str(tmp_path), str(kills), str(frames)]
    done = subprocess.run(
        [*command, str(BLOCK_FRAMES)], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    story = json.loads(done.stdout.splitlines()[-1])
    for kill in story["kills"]:
        assert kill["kept"] >= kill["before"]
        assert kill["made"] - kill["kept"] <= BLOCK_FRAMES
        assert kill["orphans"] == 0
    assert sum(kill["made"] > kill["before"] for kill in story["kills"]) > kills / 2, "too few died while recording"
    assert any(kill["made"] > kill["kept"] for kill in story["kills"]), "no kill lost anything"
    assert sum(kill["processes"] >= family for kill in story["kills"]) > kills / 2, "workers and engines were not seen"
    assert (story["frames"], story["complete"]) == (frames, True)

    settings = {"frames": frames, "environments": 2, "block_frames": BLOCK_FRAMES}
    whole = record(*player(where, tmp_path), out=tmp_path / "whole.zarr", **settings)
    assert_same_content(whole, open_recording(tmp_path / "killed.zarr"))

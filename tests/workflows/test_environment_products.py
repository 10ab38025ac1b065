"""Movies that are composed from the recording, and reasons in place of what could not be made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from retinoscope.analyses.behaviour.activation_movies import movie_blocks
from retinoscope.errors import UserError
from retinoscope.figures.activation_movies import activation_frames
from retinoscope.result import load_result
from retinoscope.rollouts import open_recording
from retinoscope.workflows import analyze, rebuild_report

MINE = ("activation_movies", "burn_in", "event_triggered")
MOVIE_FRAMES = 24


@pytest.fixture(scope="module")
def finished(engine, agent, arena, tmp_path_factory):
    """Only these analyses; the small agent meets few stimuli, so that the pick-ups are too few."""
    out = tmp_path_factory.mktemp("environment") / "out"
    return analyze(agent, out=out, frames=200, world=arena, only=MINE, movie_frames=MOVIE_FRAMES, gif=True)


def products(run, kind):
    return {each["path"] for each in run.manifest["products"] if each["kind"] == kind}


def test_every_convolution_has_its_movie(finished):
    names = {f"movies/activation_movies_{layer}" for layer in ("conv1", "conv2", "conv3")}
    assert products(finished, "movie") == {f"{name}.{suffix}" for name in names for suffix in ("mp4", "gif")}
    assert products(finished, "poster") == {f"{name}.png" for name in names}
    for name in names:
        with av.open(str(finished.directory / f"{name}.mp4")) as movie:
            assert sum(1 for _ in movie.decode(video=0)) == MOVIE_FRAMES


def test_the_movie_shows_the_activity_of_the_recording(finished, agent):
    result = load_result(finished.directory / "results" / "activation_movies.nc")
    recording = open_recording(finished.directory / "recording.zarr")
    blocks = movie_blocks(result, agent=agent, recording=recording, layer="conv1")
    frames = list(activation_frames(result, blocks, "conv1"))
    with av.open(str(finished.directory / "movies" / "activation_movies_conv1.mp4")) as movie:
        shown = [frame.to_ndarray(format="rgb24").astype(int) for frame in movie.decode(video=0)]
    for number in (0, 11, MOVIE_FRAMES - 1):
        right = np.abs(frames[number] - shown[number]).mean()
        wrong = np.abs(frames[(number + 8) % MOVIE_FRAMES] - shown[number]).mean()
        assert right < 4 and right < wrong


def test_what_cannot_be_shown_is_said_with_what_it_needs(finished):
    reason = finished.manifest["omitted"]["event_triggered"]
    assert "the longest episode has 40 decisions" in reason and "event_triggered.seconds" in reason
    assert reason.startswith(f"{finished.directory / 'recording.zarr'}: ")
    assert "event_triggered_not_made.txt" in products(finished, "text")
    assert "the longest episode has 40 decisions" in finished.report.read_text(encoding="utf-8")
    assert set(finished.manifest["omitted"]) == {"event_triggered"}


def test_a_rebuilt_report_keeps_the_movies_it_cannot_compose(finished, tmp_path):
    copy = Path(shutil.copytree(finished.directory, tmp_path / "copy"))
    again = rebuild_report(copy)
    for kind in ("movie", "poster", "text", "figure"):
        assert products(again, kind) == products(finished, kind), kind
    name = "movies/activation_movies_conv2.mp4"
    assert (copy / name).read_bytes() == (finished.directory / name).read_bytes()
    assert json.loads((copy / "manifest.json").read_text())["omitted"] == finished.manifest["omitted"]


def test_the_length_of_a_movie_is_a_number(agent, arena, tmp_path):
    with pytest.raises(UserError, match="activation movies: frames is 0"):
        analyze(agent, out=tmp_path / "out", frames=20, world=arena, responses="environment", movie_frames=0)

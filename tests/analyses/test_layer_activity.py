"""Activity block by block equals what the policy computes for each row alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from retinoscope.analyses import layer_activity
from retinoscope.analyses.layer_activity import activity_blocks
from retinoscope.errors import UserError
from retinoscope.rollouts import ArrayRecording, Recording
from tests.rollouts.recordings import small_agent

LAYERS = ("pixels", "conv1", "conv2", "fc", "rnn", "value", "policy")


def test_every_layer_is_what_the_policy_computes_row_by_row(small_recording: Recording) -> None:
    policy = small_agent().policy
    blocks = list(activity_blocks(small_recording, LAYERS, policy, size=7, also=("health",), start=3, stop=26))
    assert [block.sizes["time"] for block in blocks] == [7, 7, 7, 2]
    for number, row in ((0, 3), (9, 12), (22, 25)):
        stored = small_recording.rows(row, row + 1)
        block, index = blocks[number // 7], number % 7
        with torch.inference_mode(), policy.capture(*LAYERS[1:]) as activity:
            policy.step(torch.as_tensor(stored["observation"].values), torch.as_tensor(stored["state_entering"].values))
        np.testing.assert_array_equal(block["pixels"].values[index], stored["observation"].values[0])
        for name in LAYERS[1:]:
            np.testing.assert_allclose(block[name].values[index], activity[name][0].numpy(), atol=2e-5)
        assert block["health"].values[index] == stored["health"].values[0]
        assert (block["episode"].values[index], block["step"].values[index]) == (stored["episode"], stored["step"])


def test_scattered_rows_are_those_of_the_recording(small_recording: Recording) -> None:
    rows = np.array([0, 1, 5, 63, 64, 190, 191, 299])
    policy = small_agent().policy
    (whole,) = activity_blocks(small_recording, LAYERS[:-2], policy, size=300, also=("health",))
    blocks = list(activity_blocks(small_recording, LAYERS[:-2], policy, 3, ("health",), rows=rows))
    assert np.concatenate([block["row"].values for block in blocks]).tolist() == rows.tolist()
    for name in (*LAYERS[:-2], "health", "episode", "step"):
        found = np.concatenate([block[name].values for block in blocks])
        np.testing.assert_allclose(found, whole[name].values[rows], atol=2e-5)


def test_blocks_that_are_in_the_cache_are_read_and_not_computed(
    small_recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = small_agent().policy
    passed: list[int] = []
    step = policy.step
    monkeypatch.setattr(policy, "step", lambda *each: passed.append(len(each[0])) or step(*each))

    def maps(names: tuple[str, ...], recording: Recording = small_recording, stop: int = 100, size: int = 40) -> int:
        """How many rows pass the network; what comes out is what is computed without a cache."""
        passed.clear()
        found = list(activity_blocks(recording, names, policy, size, stop=stop, cache=tmp_path))
        count = sum(passed)
        for ours, alone in zip(found, activity_blocks(recording, names, policy, size, stop=stop), strict=True):
            assert ours.equals(alone)
        return count

    assert maps(("conv1", "conv2")) == 100
    assert maps(("conv2", "conv1")) == maps(("conv1",)) == 0
    assert maps(("conv1", "conv3")) == 100  # the third was not kept
    assert maps(("conv1",), stop=90) == 10  # the last block ends elsewhere
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:1000])
    assert maps(("conv1",)) == 100  # damaged
    assert maps(("conv1",)) == 0
    other = _with(small_recording, checkpoint_sha256="12" * 32)
    assert maps(("conv1",), other) == 100
    assert maps(("conv1",), _with(small_recording, observation_plus=1)) == 100
    monkeypatch.setattr(layer_activity, "source_sha256", lambda: "other code")
    assert maps(("conv1",)) == 100
    nameless = _with(small_recording, checkpoint_sha256="")
    assert maps(("conv1",), nameless) == maps(("conv1",), nameless) == 100  # nothing tells one agent from another


def _with(recording: Recording, checkpoint_sha256: str | None = None, observation_plus: int = 0) -> Recording:
    rows = recording.rows(names=("observation",))["observation"].values + np.uint8(observation_plus)
    sha256 = recording.attributes["checkpoint_sha256"] if checkpoint_sha256 is None else checkpoint_sha256
    return ArrayRecording({"observation": rows}, attributes={"checkpoint_sha256": sha256})


def test_what_only_a_memory_tells_is_not_computed_from_one_observation(small_recording: Recording) -> None:
    recording = _with(small_recording)
    with pytest.raises(UserError, match="'rnn': is not in the recording, and no observation alone tells"):
        next(activity_blocks(recording, ["rnn"], small_agent().policy))
    found = next(activity_blocks(recording, ["fc"], small_agent().policy))["fc"].values
    np.testing.assert_allclose(found, small_recording.rows(names=("fc",))["fc"].values, atol=2e-5)


def test_what_cannot_be_had_is_refused(small_recording: Recording) -> None:
    with pytest.raises(UserError, match="'conv1': is not in the recording; give the agent"):
        next(activity_blocks(small_recording, ["conv1"]))
    with pytest.raises(UserError, match="'conv9': unknown"):
        next(activity_blocks(small_recording, ["conv9"], small_agent().policy))

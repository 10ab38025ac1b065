"""Activity block by block equals what the policy computes for each row alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from retinoscope.analyses.layer_activity import activity_blocks
from retinoscope.errors import UserError
from retinoscope.rollouts import Recording
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


def test_what_cannot_be_had_is_refused(small_recording: Recording) -> None:
    with pytest.raises(UserError, match="'conv1': is not in the recording; give the agent"):
        next(activity_blocks(small_recording, ["conv1"]))
    with pytest.raises(UserError, match="'conv9': unknown"):
        next(activity_blocks(small_recording, ["conv9"], small_agent().policy))

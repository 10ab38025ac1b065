"""A recording goes with its own agent and world, and with no other."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pytest

from retinoscope.analyses.recorded import require_same
from retinoscope.analyses.registry import all_analyses
from retinoscope.errors import UserError
from retinoscope.result import provenance
from retinoscope.rollouts import ArrayRecording
from retinoscope.worlds.doom.world import DoomWorld
from tests.rollouts.recordings import small_agent


def test_its_own_agent_and_arena_are_let_pass(small_recording, small_recording_arena):
    require_same(small_recording, small_agent(), DoomWorld(small_recording_arena))
    require_same(small_recording)


def test_which_of_the_two_differs_is_said(small_recording, small_recording_arena):
    with pytest.raises(
        UserError, match=r"another agent: its checkpoint_sha256 is 0+\.\.\., that of agent 'small-3' is"
    ):
        require_same(small_recording, dataclasses.replace(small_agent(3), checkpoint_sha256="f" * 64))
    other = dataclasses.replace(small_recording_arena, sha256="e" * 64)
    with pytest.raises(UserError, match=r"another world: .* that of world '\w+' is eeeeeeeeeeee\.\.\.; give the world"):
        require_same(small_recording, small_agent(), DoomWorld(other))
    with pytest.raises(UserError, match="is unknown; give the agent"):
        require_same(small_recording, dataclasses.replace(small_agent(), checkpoint_sha256=""))


def test_provenance_has_the_same_keys_whatever_is_known(small_recording, small_recording_arena):
    of_recording = provenance(recording=small_recording)
    of_agent = provenance(agent=small_agent(), world=DoomWorld(small_recording_arena))
    assert set(of_recording) == set(of_agent) == set(provenance(activity="an array"))
    for name in ("agent", "world_sha256"):
        assert of_recording[name] == small_recording.attributes[name] == of_agent[name]
    assert of_recording["world_source"] == of_agent["world_source"] == small_recording_arena.scenario.to_yaml(), "whole"
    assert (of_recording["seed"], of_recording["recording_frames"]) == (small_recording.attributes["seed"], 300)
    assert of_agent["seed"] is None and of_agent["versions"]["retinoscope"] == of_recording["versions"]["retinoscope"]


def test_what_computes_activity_anew_says_in_one_line_that_it_lacks_the_agent():
    rows = {"observation": np.zeros((40, 8, 8, 3), np.uint8), "value": np.zeros(40, np.float32)}
    asked = 0
    for each in all_analyses().values():
        needs = inspect.signature(each.run).parameters.get("agent")
        if each.group in ("behaviour", "attribution") and needs is not None and needs.default is needs.empty:
            with pytest.raises(UserError, match=r"needs the agent of the recording.*; give agent=") as caught:
                each.run(ArrayRecording(rows), agent=None)
            assert "\n" not in str(caught.value)
            asked += 1
    assert asked >= 5

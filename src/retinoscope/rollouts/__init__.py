"""What the agent saw, did and computed: the environment, the recorder and the episode store."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retinoscope.rollouts.array_recording import ArrayRecording
    from retinoscope.rollouts.joined_recording import join
    from retinoscope.rollouts.opening import is_recording, open_recording
    from retinoscope.rollouts.recorder import record
    from retinoscope.rollouts.recording import Episode, Recording
    from retinoscope.rollouts.rendered_recording import with_frames
    from retinoscope.rollouts.replay import ReplayReport, replay_error

_HOMES = {
    "ArrayRecording": "array_recording",
    "Episode": "recording",
    "Recording": "recording",
    "ReplayReport": "replay",
    "is_recording": "opening",
    "join": "joined_recording",
    "open_recording": "opening",
    "record": "recorder",
    "replay_error": "replay",
    "with_frames": "rendered_recording",
}

__all__ = [
    "ArrayRecording",
    "Episode",
    "Recording",
    "ReplayReport",
    "is_recording",
    "join",
    "open_recording",
    "record",
    "replay_error",
    "with_frames",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for: the processes that play environments need neither torch nor the store."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)

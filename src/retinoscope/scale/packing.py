"""Tasks and what comes of them, as bytes on their way between processes of ours; no file is read."""

from __future__ import annotations

from typing import Any

import cloudpickle


def packed(value: Any) -> bytes:
    """Pickled by value where it has to be, so that functions of scripts and notebooks can be sent."""
    return cloudpickle.dumps(value)


def unpacked(message: bytes) -> Any:
    """What `packed` was given, in another process."""
    return cloudpickle.loads(message)

"""Whether a person can be shown a window here."""

from __future__ import annotations

import os
import sys


def has_display() -> bool:
    """Whether a window can be shown; asked for one without a display, an engine may take this process down with it."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

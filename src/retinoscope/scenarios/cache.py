"""Where things are kept that can be made or fetched again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Where built arenas and downloaded images are kept: `$RETINOSCOPE_CACHE`, else `~/.cache/retinoscope`."""
    chosen = os.environ.get("RETINOSCOPE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "retinoscope"

"""Starting processes of ours from whatever script or notebook the user runs."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_to_import_again() -> Iterator[None]:
    """Have a spawned process not run the user's script again, as it otherwise would to find what the script defines.

    Ours needs nothing of it, and a script without the `if __name__ == "__main__"` guard could not record at all.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main

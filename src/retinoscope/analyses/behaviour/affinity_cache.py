"""Affinities and embeddings that took minutes, kept on disk under a hash of what they were computed from."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.files import replacing
from retinoscope.versions import versions

Arrays = dict[str, NDArray]
_COMPUTING = ("openTSNE", "scikit-learn", "numpy", "scipy")


def content_key(points: NDArray, parameters: Mapping[str, Any]) -> str:
    """A hash of the points, the parameters and the versions of the libraries that compute with them."""
    digest = hashlib.sha256(np.ascontiguousarray(points).data)
    stated = [str(points.dtype), points.shape, dict(parameters), versions(*_COMPUTING)]
    digest.update(json.dumps(stated, sort_keys=True).encode())
    return digest.hexdigest()


def cached(folder: Path | None, name: str, key: str, compute: Callable[[], Arrays]) -> Arrays:
    """The arrays that `compute` returns, read from `folder` if they were computed before.

    Args:
        folder: where they are kept as NumPy archives, without pickle; None to keep nothing.
        name: what they are, for the file's name.
        key: from `content_key`.
        compute: makes them. A file that is damaged is made anew.
    """
    if folder is None:
        return compute()
    path = folder / f"{name}-{key[:32]}.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            return {each: found[each] for each in found.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError):
        arrays = compute()
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open("wb") as beside:
        np.savez(beside, **arrays)
    return arrays

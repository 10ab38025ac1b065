"""Using a result again: only one that the same code computed from the same recording with the same options."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from retinoscope.analyses.registry import Analysis, Options
from retinoscope.analyses.result import Result, load_result
from retinoscope.errors import UserError
from retinoscope.versions import versions

_KEY = "computed_from"
_COMPUTING = ("torch", "numpy", "scipy", "scikit-learn", "openTSNE", "captum", "python-picard")

_CONCERNS = {"movie_frames": ("activation_movies",), "raster_order": ("raster",)}
"""Options that change the results of these analyses alone; any other may change each of them."""


def result_key(analysis: Analysis, options: Options, identity: Mapping[str, Any]) -> str:
    """A hash of all that the result of an analysis depends on, our own source code included."""
    chosen = {
        name: value
        for name, value in dataclasses.asdict(options).items()
        if name != "progress" and analysis.name in _CONCERNS.get(name, (analysis.name,))
    }
    content = [analysis.name, chosen, dict(identity), versions(*_COMPUTING), _source_sha256()]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def with_key(result: Result, key: str) -> Result:
    """The result with its key in its provenance."""
    return dataclasses.replace(result, provenance={**result.provenance, _KEY: key})


def reuse_result(key: str, places: Iterable[Path], copy_to: Path) -> Result | None:
    """The saved result of this key, from the first of the places that has it, its file copied; None if none has."""
    for place in places:
        if place.is_file():
            try:
                result = load_result(place)
            except UserError:  # damaged: it is computed anew
                continue
            if result.provenance.get(_KEY) == key:
                shutil.copyfile(place, copy_to)
                return result
    return None


@functools.cache
def _source_sha256() -> str:
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()

"""Using a Result again: only one that the same code computed from the same things with the same parameters."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from retinoscope.analyses.declaration import Analysis
from retinoscope.errors import UserError
from retinoscope.result import Result, load_result
from retinoscope.settings import stated
from retinoscope.versions import source_sha256, versions

_KEY = "computed_from"
_COMPUTING = ("torch", "numpy", "scipy", "scikit-learn", "openTSNE", "python-picard")


def result_key(analysis: Analysis, parameters: Any, bases: Mapping[str, str], identity: Mapping[str, Any]) -> str:
    """A hash of all that the Result of an analysis depends on.

    Args:
        analysis: which; that it is declared in another package counts with the version of that package's module.
        parameters: its own.
        bases: the keys of the Results it builds on, by name.
        identity: of the run: checkpoint, arena, seed and frames.
    """
    content = [analysis.name, stated(parameters), dict(bases), dict(identity), versions(*_COMPUTING)]
    content += [source_sha256(), _module_sha256(analysis), _files_sha256(parameters)]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


class ResultStore:
    """The Results of a run, each a file `NAME.nc`, with those of the run before."""

    def __init__(self, folder: Path, cache: Path, before: Path) -> None:
        """`folder` gets the files of this run; `cache` survives an interruption; `before` are those of the last run."""
        self._folder, self._cache, self._before = folder, cache, before

    def find(self, analysis: Analysis, key: str) -> Result | None:
        """The Result of this key, its file copied into the folder; None if there is none."""
        name = f"{analysis.name}.nc"
        for place in (self._cache / name, self._before / name) if analysis.is_reusable else ():
            if place.is_file():
                try:
                    result = load_result(place)
                except UserError:  # damaged: it is computed anew
                    continue
                if result.provenance.get(_KEY) == key:
                    shutil.copyfile(place, self._folder / name)
                    return result
        return None

    def keep(self, result: Result, key: str) -> Result:
        """Write the Result, with its key in its provenance."""
        marked = dataclasses.replace(result, provenance={**result.provenance, _KEY: key})
        name = f"{result.analysis}.nc"
        shutil.copyfile(marked.save(self._cache / name), self._folder / name)
        return marked


def _files_sha256(parameters: Any) -> dict[str, str]:
    """Of the files, and folders of files, that parameters name: a path stays the same while what is there changes."""
    found = {}
    for name, field in getattr(parameters, "__pydantic_fields__", {}).items():
        value = getattr(parameters, name)
        if Path in get_args(field.annotation) and isinstance(value, str | Path):
            path, digest = Path(value), hashlib.sha256()
            for file in [path] if path.is_file() else sorted(path.rglob("*")):
                if file.is_file():
                    digest.update(f"{file.relative_to(path)} ".encode() + file.read_bytes())
            found[name] = digest.hexdigest()
    return found


def _module_sha256(analysis: Analysis) -> str:
    """Of the file that declares an analysis of another package; ours are all in `source_sha256`."""
    file = Path(analysis.run.__code__.co_filename)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""

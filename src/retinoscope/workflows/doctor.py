"""`retinoscope doctor`: what is installed, what each extra would add, and what there is to compute and show with."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ADDS = {
    "doom": "arenas: to play, record and train in them",
    "train": "training of agents, by Sample Factory (Python 3.11 and 3.12, numpy 1)",
    "rastermap": "another order of the units of a raster (GPL)",
    "wandb": "logs of checkpoints in Weights & Biases",
    "sb3": "agents of Stable-Baselines3 in memory",
    "nwb": "export to Neurodata Without Borders",
    "minari": "export to Minari, and back (numpy 2, so not beside train)",
    "pynapple": "recordings as time series of pynapple",
    "scale": "work on a cluster of Dask, and of SLURM through it",
    "examples": "the worlds of examples/: Atari, MiniGrid, Procgen",
    "docs": "the documentation as a site (make docs)",
    "dev": "what the tests need",
}
"""What each extra is for."""

_OURS = "retinoscope"
_NAME = re.compile(r"[\w.-]+")
_EXTRA = re.compile(r"extra == ['\"]([\w-]+)['\"]")


@dataclass(frozen=True)
class Extra:
    """An extra of the package.

    Attributes:
        name: `pip install 'retinoscope[NAME]'`.
        adds: what it is for.
        missing: what of it is not installed; empty if it is all there.
    """

    name: str
    adds: str
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Examined:
    """What was found.

    Attributes:
        versions: of Python, of this package and of all that it requires; None for what is not installed.
        extras: in the order of the package.
        devices: to compute on, one line each.
        display: whether there is a screen for windows, one line.
        cache: where arenas and downloads are kept, one line.
        problems: what keeps the package from working, one line each; empty if nothing does.
    """

    versions: dict[str, str | None]
    extras: tuple[Extra, ...]
    devices: tuple[str, ...]
    display: str
    cache: str
    problems: tuple[str, ...]


def doctor() -> Examined:
    """Look at what is installed; nothing is started and nothing is written."""
    required, extras = _requirements(metadata.requires(_OURS) or [])
    versions = {"python": platform.python_version(), **{name: _version(name) for name in (_OURS, *required)}}
    found = tuple(
        Extra(name, ADDS.get(name, ""), tuple(each for each in extras.get(name, ()) if _version(each) is None))
        for name in metadata.metadata(_OURS).get_all("Provides-Extra") or ()
    )
    cache, cannot_write = _cache()
    missing = [name for name, each in versions.items() if each is None]
    problems = [f"{name} is not installed; pip install {_OURS} again" for name in missing]
    return Examined(versions, found, _devices(), _display(), cache, (*problems, *cannot_write))


def _requirements(lines: list[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Names that are always required, and those of every extra, on this Python."""
    always: list[str] = []
    extras: dict[str, list[str]] = {}
    for line in lines:
        requirement, _, marker = line.partition(";")
        match = _NAME.match(requirement)
        name = match.group() if match else requirement
        if name == _OURS or not _is_for_this_python(marker):
            continue
        extra = _EXTRA.search(marker)
        (always if extra is None else extras.setdefault(extra.group(1), [])).append(name)
    return list(dict.fromkeys(always)), extras


def _is_for_this_python(marker: str) -> bool:
    """The one rule our requirements have of Python: below a version."""
    below = re.search(r"python_version < ['\"](\d+)\.(\d+)['\"]", marker)
    return below is None or sys.version_info[:2] < (int(below.group(1)), int(below.group(2)))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _devices() -> tuple[str, ...]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = [f"cpu: {cores} cores, {platform.machine()}"]
    try:
        import torch
    except ImportError:
        return tuple(found)
    for number in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(number)
        found.append(f"cuda:{number}: {about.name}, {about.total_memory / 2**30:.0f} GiB")
    return tuple(found)


def _display() -> str:
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return "there is a screen: `watch` and `scenario play` open windows"
    return "no screen: `watch --out FILE.mp4` writes movies; nothing else needs one"


def _cache() -> tuple[str, list[str]]:
    from retinoscope.scenarios.cache import cache_folder

    folder = cache_folder()
    if not folder.is_dir():
        nearest = next(each for each in (folder, *folder.parents) if each.exists())
        return f"{folder} (not there yet)", _why_not(nearest)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    free = shutil.disk_usage(folder).free
    return f"{folder} ({size / 1e6:,.0f} MB; {free / 1e9:,.0f} GB are free)", _why_not(folder)


def _why_not(folder: Path) -> list[str]:
    is_writable = os.access(folder, os.W_OK)
    return [] if is_writable else [f"{folder}: cannot be written; set RETINOSCOPE_CACHE to a folder that can"]

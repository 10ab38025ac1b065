"""Versions for the provenance of what is written, and for deciding whether what was written can be used again."""

from __future__ import annotations

import functools
import hashlib
import platform
from importlib import metadata
from pathlib import Path


def versions(*packages: str) -> dict[str, str]:
    """Of Python and of these packages; those not installed are left out."""
    found = {"python": platform.python_version()}
    for package in packages:
        version = _version(package)
        if version is not None:
            found[package] = version
    return found


@functools.cache  # looked up on the disk, and noted with every Result
def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@functools.cache
def source_sha256() -> str:
    """A hash of all of our own code."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()

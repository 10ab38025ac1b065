"""`import retinoscope` gives everything by name, and costs nothing before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import retinoscope


@pytest.mark.parametrize("name", retinoscope.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(retinoscope, name) is not None
    assert name in dir(retinoscope)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'telescope'"):
        retinoscope.telescope  # noqa: B018


def test_importing_loads_no_room() -> None:
    code = "import sys, retinoscope; print(*(name for name in sys.modules if name.startswith('retinoscope.')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) == {"retinoscope.errors", "retinoscope.registration"}

"""How every page is rendered: escaped, and with a policy that allows it nothing but what is its own."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import jinja2

LARGEST = 20_000_000
"""Bytes of a page that is one file: what mail, notebooks and browsers still take."""

_ALWAYS = "default-src 'none'; connect-src 'none'; base-uri 'none'; form-action 'none'; "


def templates(folder: Path) -> jinja2.Environment:
    """The templates in a folder; what is put into them is escaped, and what they lack is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def policy(allowed: str, **inlined: str) -> str:
    """A Content-Security-Policy that forbids all but `allowed`.

    Args:
        allowed: directives; `{script}` in it stands for the hash of the inlined text of this name.
        **inlined: texts of scripts and style sheets that stand in the page itself.
    """
    digests = {name: hashlib.sha256(text.encode()).digest() for name, text in inlined.items()}
    hashes = {name: f"sha256-{base64.b64encode(digest).decode()}" for name, digest in digests.items()}
    return _ALWAYS + allowed.format(**hashes)

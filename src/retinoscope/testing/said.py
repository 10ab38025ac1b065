"""Whether a text says no number but those that it may: for what is written for papers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from retinoscope.analyses.methods import number

_FREE = ("SHA-256",)  # a name that ends with a number


def numbers_not_held(text: str, content: Any) -> list[str]:
    """Numbers, and names with digits, of a text that the content does not hold.

    A number that is written with fewer digits, or with its thousands apart, is held as it would be written.

    Args:
        text: Markdown; what it cites is no number, and neither is the list of references at its end.
        content: JSON-able; captions, which say numbers themselves, do not count.
    """
    held = {*_FREE, *_tokens(" ".join(_texts(content)))} | {number(each) for each in _numbers(content)}
    said = re.sub(r"\[@[^\]]*\]", "", text.partition("\n## References")[0])
    return [each for each in _tokens(said) if each not in held]


def _tokens(text: str) -> list[str]:
    """Words with a digit in them, without what stands around them."""
    words = (word.strip("`()[]{}.,;:%'\"−±") for word in text.split())
    return [word for word in words if re.search(r"\d", word)]


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        for name, each in content.items():
            if name not in ("caption", "title"):
                yield str(name)
                yield from _texts(each)
    elif isinstance(content, list | tuple):
        for each in content:
            yield from _texts(each)


def _numbers(content: Any) -> Iterator[float]:
    if isinstance(content, int | float) and not isinstance(content, bool):
        yield content
    elif isinstance(content, Mapping):
        for each in content.values():
            yield from _numbers(each)
    elif isinstance(content, list | tuple):
        for each in content:
            yield from _numbers(each)

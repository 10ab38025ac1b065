"""That the parts of a panel fit one another."""

from __future__ import annotations


def require(panel: str, is_met: bool, what: str) -> None:
    """A panel of wrong shapes would show what was not measured.

    Args:
        panel: its name.
        is_met: the condition.
        what: is wrong where it is not.

    Raises:
        ValueError: the condition is not met.
    """
    if not is_met:
        raise ValueError(f"panel {panel!r}: {what}")

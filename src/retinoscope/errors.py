"""The one exception that means: the user's input is wrong, and here is what to do about it."""

from __future__ import annotations


class UserError(Exception):
    """Something the user gave cannot be used; the message is one line: what is wrong, where, what to do.

    The command line prints the message and exits with code 2. Library users catch it like any exception.
    """


class NotMeasurable(UserError):
    """This agent or this recording cannot show what was asked for: no such layer, too few episodes, too few events.

    Called by itself, such an analysis raises it like any `UserError`. A run of many analyses says so in place of this
    one's figures and goes on with the others.
    """


def said(error: BaseException) -> str:
    """An error of somebody else's code in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__

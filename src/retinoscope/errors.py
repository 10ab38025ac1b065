"""The one exception that means: the user's input is wrong, and here is what to do about it."""


class UserError(Exception):
    """Something the user gave cannot be used; the message is one line: what is wrong, where, what to do.

    The command line prints the message and exits with code 2. Library users catch it like any exception.
    """


class NotMeasurable(UserError):
    """This agent or this recording cannot show what was asked for: no such layer, too few episodes, too few events.

    Called by itself, such an analysis raises it like any `UserError`. A run of many analyses says so in place of this
    one's figures and goes on with the others.
    """

"""The one exception that means: the user's input is wrong, and here is what to do about it."""


class UserError(Exception):
    """Something the user gave cannot be used; the message is one line: what is wrong, where, what to do.

    The command line prints the message and exits with code 2. Library users catch it like any exception.
    """

"""The error of a user's mistake."""


class UserError(RuntimeError):
    """Something that the user gave is wrong.

    The message is one sentence for the user: the key or the file, the value found, and what was
    expected. The command lines print the message and exit with code 2.
    """

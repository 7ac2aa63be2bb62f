"""The error of a user's mistake, and the end of a run by a signal."""


class UserError(RuntimeError):
    """Something that the user gave is wrong.

    The message is one sentence for the user: the key or the file, the value found, and what was
    expected. The command lines print the message and exit with code 2.
    """


class Interrupted(KeyboardInterrupt):
    """A signal has ended the work.

    It is a ``KeyboardInterrupt``, so that a caller who handles Ctrl-C handles all such signals. The
    command lines print the message and exit with 128 plus the number of the signal.

    Args:
        signal: Number of the signal.
        message: What was saved, and how to go on; by default only what has happened.
        checkpoint: The checkpoint that was saved for this signal, if any.

    Attributes:
        signal: Number of the signal.
        checkpoint: Path of the checkpoint, or None.
    """

    def __init__(
        self, signal: int, message: str = 'interrupted', checkpoint: str | None = None
    ) -> None:
        super().__init__(message)
        self.signal = signal
        self.checkpoint = checkpoint

"""The error that ends a run."""


class RunError(RuntimeError):
    """A run cannot go on because of what the user gave; the message is one sentence for him."""

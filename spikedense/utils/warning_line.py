"""A warning on the screen, whatever the level of a logger is."""

import sys


def warn(message: str) -> None:
    """Print a warning on stderr, in the first process of a run.

    Args:
        message: One line.
    """
    # Here, because the room is also imported without torch.
    from mmengine.dist import is_main_process

    if is_main_process():
        print(f'warning: {message}', file=sys.stderr, flush=True)

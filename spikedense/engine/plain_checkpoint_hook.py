"""Checkpoints that can be read without running anything."""

from typing import Any

from mmengine.hooks import Hook

from spikedense.checkpoint_files import plain


class PlainCheckpointHook(Hook):
    """Save checkpoints that ``torch.load(path, weights_only=True)`` reads.

    mmengine writes its log buffers as objects with methods. The loader turns them back.
    """

    # After all hooks that add to a checkpoint.
    priority = 'LOWEST'

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Replace the objects of mmengine and numpy in a checkpoint.

        Args:
            runner: The runner.
            checkpoint: The content of the file. Its values are replaced, not changed.
        """
        checkpoint.update(plain(checkpoint))

"""mmengine's training loops, which go on behind the batch at which a checkpoint was saved."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.registry import LOOPS
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, IterBasedTrainLoop
from torch.utils.data import DataLoader

from spikedense.checks.loaders import is_endless

from .sample_order import batches_from

_BEGAN = 'epoch_began'


class EpochTrainLoop(EpochBasedTrainLoop):
    """Epochs that a resumed run enters in the middle, if its checkpoint was saved there.

    mmengine begins the epoch again, so that it trains on some of its images twice.
    """

    def run_epoch(self) -> None:
        """Train for an epoch, or for what is left of it."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        done = self._done()
        batches = batches_from(self.dataloader, self._epoch, done)
        for index, batch in enumerate(batches, done):
            self.run_iter(index, batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _done(self) -> int:
        """Return the number of batches of this epoch that are done already.

        Checkpoints keep the iteration at which their epoch began. The length of an epoch does not
        tell it: the number of processes or the batch size may have changed since.
        """
        hub = self.runner.message_hub
        epoch, began = hub.get_info(_BEGAN, (None, 0))
        if epoch == self._epoch:
            return min(self._iter - began, len(self.dataloader))
        hub.update_info(_BEGAN, (self._epoch, self._iter))
        return 0


class IterTrainLoop(IterBasedTrainLoop):
    """Iterations that a resumed run goes on with, without reading the images of the former ones.

    Args:
        *args: Passed on to mmengine.
        **kwargs: Passed on to mmengine.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dataloader_iterator: Any = EndlessBatches(self.dataloader)


class EndlessBatches:
    """The batches of a loader, pass after pass.

    mmengine's own class reads the images of all former iterations after a resume, unless the
    sampler is an ``InfiniteSampler`` without a batch sampler.

    Args:
        loader: The loader.
    """

    def __init__(self, loader: DataLoader) -> None:
        self._loader = loader
        self._epoch = 0
        self._batches: Iterator[Any] | None = None

    def __iter__(self) -> Iterator[Any]:
        """Return the iterator itself."""
        return self

    def __next__(self) -> Any:
        """Return the next batch."""
        # The pass begins late, so that processes of a loader do not read what is left out.
        if self._batches is None:
            self._batches = batches_from(self._loader, self._epoch)
        try:
            return next(self._batches)
        except StopIteration:
            self._epoch += 1
            self._batches = batches_from(self._loader, self._epoch)
            return next(self._batches)

    def skip_iter(self, number: int) -> None:
        """Leave out the first batches of the run.

        Args:
            number: Number of batches.
        """
        done = number
        if not is_endless(self._loader):
            self._epoch, done = divmod(number, len(self._loader))
        self._batches = batches_from(self._loader, self._epoch, done)


def resumable(loop: BaseLoop | Mapping[str, Any]) -> Any:
    """Choose the loop of this module that stands for a loop of mmengine.

    Args:
        loop: Config of a loop.

    Returns:
        The config with another ``type``; a loop that is built already and a loop of another class
        are returned unchanged.
    """
    if not isinstance(loop, Mapping) or ('type' in loop) == ('by_epoch' in loop):
        return loop
    changed = dict(loop)
    if 'by_epoch' in changed:
        changed['type'] = EpochTrainLoop if changed.pop('by_epoch') else IterTrainLoop
        return changed
    kind = LOOPS.get(loop['type']) if isinstance(loop['type'], str) else loop['type']
    ours = {EpochBasedTrainLoop: EpochTrainLoop, IterBasedTrainLoop: IterTrainLoop}
    return {**changed, 'type': ours.get(kind, loop['type'])}

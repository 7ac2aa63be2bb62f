"""The order of the training samples: an index knows its place, a pass can start at any batch.

A random augmentation is seeded from the place alone (see ``randomness.py``), so that a resumed run
needs neither the state of the generators nor the images that the run has read before.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from mmengine.dist import get_dist_info
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import BatchSampler, DataLoader, Sampler


class Placed(int):
    """The index of a sample, with its place in the order of the run.

    Attributes:
        place: Number of the pass through the data, and place in this pass among the samples of all
            processes.
    """

    place: tuple[int, int]

    def __new__(cls, index: int, place: tuple[int, int]) -> 'Placed':
        """Make an index.

        Args:
            index: Index of the sample in the data set.
            place: Number of the pass, and place in it.
        """
        placed = super().__new__(cls, index)
        placed.place = place
        return placed

    def __reduce__(self) -> tuple:
        """Pickle the index together with its place, for the processes of a loader."""
        return Placed, (int(self), self.place)


class _Wrapper:
    """Answers for the object inside: ``dataset``, ``batch_size``, ``drop_last`` and the like."""

    inner: Any
    _skipped: int = 0

    def __getattr__(self, name: str) -> Any:
        if name == 'inner' or name.startswith('__'):
            raise AttributeError(name)
        return getattr(self.inner, name)

    def __len__(self) -> int:
        return len(self.inner)

    def skip(self, number: int) -> None:
        """Leave out the first entries of the next pass.

        Args:
            number: Number of entries of this process.
        """
        self._skipped = number

    def _take_skipped(self) -> int:
        skipped, self._skipped = self._skipped, 0
        return skipped


class PlacedSampler(_Wrapper, Sampler):
    """A sampler whose indices know their place.

    Args:
        sampler: Config of any sampler.
        **defaults: Arguments that mmengine gives to the sampler: ``dataset`` and ``seed``.
    """

    def __init__(self, sampler: Mapping[str, Any], **defaults: Any) -> None:
        self.inner = DATA_SAMPLERS.build(dict(sampler), default_args=defaults)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the pass through the data.

        Args:
            epoch: Number of the pass.
        """
        self.epoch = epoch
        if hasattr(self.inner, 'set_epoch'):
            self.inner.set_epoch(epoch)

    def __iter__(self) -> Iterator[Any]:
        """Give the indices of a pass, without those that :meth:`skip` leaves out."""
        rank, processes = get_dist_info()
        first = self._take_skipped()
        for number, index in enumerate(islice(self.inner, first, None), first):
            # mmdet's sampler of videos gives pairs, which have no place.
            is_pair = isinstance(index, tuple)
            yield index if is_pair else Placed(index, (self.epoch, number * processes + rank))


class PlacedBatches(_Wrapper, Sampler):
    """A batch sampler of another kind than torch's that can leave out batches.

    Args:
        batch_sampler: Config of any batch sampler.
        **defaults: Arguments that mmengine gives to the batch sampler: ``sampler`` and
            ``batch_size``.
    """

    def __init__(self, batch_sampler: Mapping[str, Any], **defaults: Any) -> None:
        self.inner = DATA_SAMPLERS.build(dict(batch_sampler), default_args=defaults)

    def __iter__(self) -> Iterator[list[int]]:
        """Give the batches of a pass, without those that :meth:`skip` leaves out."""
        return islice(self.inner, self._take_skipped(), None)


def with_places(loader: Any) -> Any:
    """Change the config of a loader so that its indices are :class:`Placed`.

    Args:
        loader: Config of a loader; a loader that is built already is returned unchanged.

    Returns:
        A config that builds the same order of samples.
    """
    if not isinstance(loader, Mapping) or not isinstance(loader.get('sampler'), Mapping):
        return loader
    changed = {**loader, 'sampler': {'type': PlacedSampler, 'sampler': loader['sampler']}}
    if isinstance(loader.get('batch_sampler'), Mapping):
        inner = loader['batch_sampler']
        changed['batch_sampler'] = {'type': PlacedBatches, 'batch_sampler': inner}
    return changed


def batches_from(loader: DataLoader, epoch: int, done: int = 0) -> Iterator[Any]:
    """Begin a pass through the data at any batch.

    Args:
        loader: The loader.
        epoch: Number of the pass.
        done: Number of batches to leave out. Their images are not read if the loader comes from
            :func:`with_places`.

    Returns:
        The batches that follow.
    """
    batches: Any = loader.batch_sampler
    sampler: Any = getattr(batches, 'sampler', None)
    if hasattr(sampler, 'set_epoch'):
        sampler.set_epoch(epoch)
    if isinstance(batches, PlacedBatches):
        batches.skip(done)
    elif isinstance(sampler, PlacedSampler) and type(batches) is BatchSampler:
        sampler.skip(done * batches.batch_size)
    else:
        return islice(loader, done, None)
    return iter(loader)

"""Random numbers that depend on the seed and on the place in the run, and on nothing else.

A run and its resumed parts draw the same numbers, for any number of loader processes and after any
validation. No state of a generator is saved.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from torch.utils.data import DataLoader

from .sample_order import Placed

#: First number of a key, so that samples and iterations never share a seed.
_SAMPLE, _ITERATION = 0, 1


def set_seeds(*key: int) -> None:
    """Seed python, numpy and torch, on all devices.

    Args:
        *key: Whole numbers from 0 on. Keys that differ in one number give unrelated numbers.
    """
    words = np.random.SeedSequence(key).generate_state(3).tolist()
    random.seed(words[0])
    np.random.seed(words[1])
    torch.manual_seed(words[2])


@contextmanager
def seeded(*key: int) -> Iterator[None]:
    """Draw random numbers of a key inside, and go on with the former numbers afterwards.

    Generators of a GPU are left alone, because samples are made on the CPU.

    Args:
        *key: See :func:`set_seeds`.
    """
    words = np.random.SeedSequence(key).generate_state(3).tolist()
    python, numpy, generator = random.getstate(), np.random.get_state(), torch.default_generator
    state = generator.get_state()
    random.seed(words[0])
    np.random.seed(words[1])
    generator.manual_seed(words[2])
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        generator.set_state(state)


class SeededReads:
    """The ``__getitems__`` of a data set, by which torch's loaders read a batch.

    Args:
        dataset: The data set.
        seed: Seed of the run.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset, self.seed = dataset, seed

    def __call__(self, indices: Sequence[int]) -> list[Any]:
        """Read samples, each with the random numbers of its place.

        Args:
            indices: Indices of the samples.

        Returns:
            The samples.
        """
        return [self._read(index) for index in indices]

    def _read(self, index: int) -> Any:
        # A batch sampler of a user may make indices of its own.
        if not isinstance(index, Placed):
            return self.dataset[index]
        with seeded(self.seed, _SAMPLE, *index.place):
            return self.dataset[int(index)]


def seed_reads(loader: DataLoader, seed: int) -> None:
    """Let a loader read each sample with the random numbers of its place.

    Args:
        loader: The loader, before its first pass.
        seed: Seed of the run.
    """
    dataset: Any = loader.dataset
    dataset.__getitems__ = SeededReads(dataset, seed)


class RandomnessHook(Hook):
    """Seed the forward pass of each training iteration: dropout, drop path, sampled points."""

    # Run before hooks that draw random numbers.
    priority = 'HIGHEST'

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Seed the iteration.

        Args:
            runner: The runner.
            batch_idx: Not read.
            data_batch: Not read.
        """
        set_seeds(runner.seed, _ITERATION, get_rank(), runner.iter)

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


def set_seeds(*key: int, devices: bool = True) -> None:
    """Seed python, numpy and torch.

    Args:
        *key: Whole numbers from 0 on. Keys that differ in one number give unrelated numbers.
        devices: Whether to seed the generators of GPUs, too.
    """
    words = np.random.SeedSequence(key).generate_state(3).tolist()
    random.seed(words[0])
    np.random.seed(words[1])
    (torch if devices else torch.default_generator).manual_seed(words[2])


@contextmanager
def generators_kept() -> Iterator[None]:
    """Put the generators of the CPU back afterwards.

    The forward pass of a process that reads its samples itself then draws the same numbers as if
    other processes had read them.
    """
    python, numpy, state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(state)


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
        # A batch sampler of a user may make indices of its own.
        if not all(isinstance(index, Placed) for index in indices):
            return [self.dataset[index] for index in indices]
        # The generators are kept for a batch, because that takes longer than to seed a sample.
        with generators_kept():
            return [self._read(index) for index in indices]

    def _read(self, index: Any) -> Any:
        set_seeds(self.seed, _SAMPLE, *index.place, devices=False)
        return self.dataset[int(index)]


def seed_reads(loader: DataLoader, seed: int) -> None:
    """Let a loader read each sample with the random numbers of its place.

    Args:
        loader: The loader, before its first pass.
        seed: Seed of the run.
    """
    dataset: Any = loader.dataset
    if hasattr(dataset, '__dict__'):  # a plain list of samples draws no random numbers
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

"""A family of official checkpoints: functions that recognise and rename its keys."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from torch import Tensor

from .rules import rename, under


def unchanged(value: Tensor) -> Tensor:
    """Return a tensor as it is."""
    return value


def lines_to_maps(value: Tensor) -> Tensor:
    """Give the kernel of a 1D convolution ``[out, in, k]`` a second axis, ``[out, in, k, 1]``.

    Official code convolves tokens on a line, the modules of this package convolve maps.
    """
    return value.unsqueeze(-1) if value.dim() == 3 else value


@dataclass(frozen=True)
class Family:
    """The official checkpoints of one code base.

    Attributes:
        name: Name of the model, for messages.
        recognises: Tells from the keys of a state dict whether the checkpoint is an official one of
            this family. It must return False for the keys of this package, of mmseg, of mmdet and
            of mmpretrain.
        rename: Maps an official key to a key of this package, both without :attr:`prefix`. It
            returns None for a key that it does not know.
        prefix: Prefix of the part of the model that the family renames, for example
            ``'backbone.'``. Files may hold this part alone, so an official key may start with the
            prefix or lack it. A converted key always starts with the prefix. With the prefix
            ``''``, the family renames keys of a whole model.
        adapt: Changes the shape of a tensor whose key was renamed.
        dropped: Regular expression, matched from the start of an official key without the prefix,
            for known weights that the official code never computes with. They do not exist here.
    """

    name: str
    recognises: Callable[[Collection[str]], bool]
    rename: Callable[[str], str | None]
    prefix: str = ''
    adapt: Callable[[Tensor], Tensor] = unchanged
    dropped: str | None = None

    def convert_key(self, key: str) -> str | None:
        """Convert one key.

        Args:
            key: An official key, with the prefix or without it.

        Returns:
            The key of this package, with the prefix; None if the family does not know the key.
        """
        return under(self.prefix, self.rename(key.removeprefix(self.prefix)))

    def drops(self, key: str) -> bool:
        """Tell whether a key is known, and its weight is left out on purpose.

        Args:
            key: An official key, with the prefix or without it.
        """
        if self.dropped is None:
            return False
        return re.match(self.dropped, key.removeprefix(self.prefix)) is not None


def any_key(pattern: str) -> Callable[[Collection[str]], bool]:
    """Build a ``recognises`` function from a regular expression.

    Args:
        pattern: Expression that is searched for in each key.

    Returns:
        A function that tells whether one of the keys matches.
    """
    search = re.compile(pattern).search
    return lambda keys: any(search(key) for key in keys)


def classifier_of(name: str, *backbones: Family, layers: Mapping[str, str]) -> Family:
    """Build the family of a classifier.

    Args:
        name: Name of the classifier, for messages.
        backbones: Families of its backbones. A classifier alone is not recognised, because files
            of other code bases have the same keys.
        layers: Official name of a linear layer -> our name. Every classifier has the first one.
    """
    rules = [(rf'{re.escape(official)}\.', f'{ours}.') for official, ours in layers.items()]
    weight = f'{next(iter(layers))}.weight'
    return Family(
        name,
        recognises=lambda keys: weight in keys and any(one.recognises(keys) for one in backbones),
        rename=lambda key: rename(key, rules),
    )

"""A family of official checkpoints: functions that recognise and rename its keys."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from .rules import under


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
        adapt: Changes the shape of a tensor whose key was renamed; not of one of :attr:`heads`.
        dropped: Regular expression, matched from the start of an official key without the prefix,
            for known weights that the official code never computes with. They do not exist here.
        heads: Linear layers of a classifier on the backbone, which have no prefix: official name ->
            our name. A conversion of the backbone alone leaves them out. The names do not make a
            checkpoint one of this family, because files of other code bases have the same names.
    """

    name: str
    recognises: Callable[[Collection[str]], bool]
    rename: Callable[[str], str | None]
    prefix: str = ''
    adapt: Callable[[Tensor], Tensor] = unchanged
    dropped: str | None = None
    heads: Mapping[str, str] = field(default_factory=dict)

    def convert_key(self, key: str) -> str | None:
        """Convert one key.

        Args:
            key: An official key, with the prefix or without it.

        Returns:
            The key of this package, with the prefix, or that of a head; None if the family does not
            know the key.
        """
        if self.is_head(key):
            layer, _, leaf = key.partition('.')
            return f'{self.heads[layer]}.{leaf}'
        return under(self.prefix, self.rename(key.removeprefix(self.prefix)))

    def is_head(self, key: str) -> bool:
        """Tell whether an official key is one of a classifier's linear layer."""
        return key.partition('.')[0] in self.heads

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

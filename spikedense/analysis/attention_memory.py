"""The memory that the attentions of a model need, at the sizes of the maps of a run."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from torch import nn

from spikedense.models.layers.attention import AttentionMemory

from .answering import answering, first_input

WAYS = ('streaming', 'materialised')
_ASSUMPTIONS = (
    'Memory of the attentions: for one image and one time step. A real value has 32 bits; an '
    'integer spike has the bits of 0..D. Streaming: the tokens come one after the other. '
    'Materialised: queries, keys and values of all tokens are there first. Weights are not in it.',
    'The publication of LRF attention does not say how its memory was counted, so its percentage '
    'cannot be compared with these numbers.',
)


def assumptions_of(found: dict[str, Any]) -> list[str]:
    """Return what a reader has to know of the numbers.

    Args:
        found: What :meth:`AttentionMaps.report` returned.
    """
    unknown = [
        f"The memory of the attention '{name}' is not known: {reason}."
        for name, reason in found['refused'].items()
    ]
    return [*(_ASSUMPTIONS if found['modules'] else ()), *unknown]


def bytes_of(memory: AttentionMemory) -> dict[str, float]:
    """Return the bytes of each part of a memory, and of both ways to compute.

    Args:
        memory: The answer of an attention, in bits.
    """
    names = (*(field.name for field in fields(memory)), *WAYS)
    return {name: getattr(memory, name) / 8 for name in names}


class AttentionMaps:
    """Note the sizes of the maps that attentions read, while a model runs.

    Args:
        model: The model. Its attentions answer ``attention_memory(height, width)``.
    """

    def __init__(self, model: nn.Module) -> None:
        self._attentions, self._refused = answering(model, 'attention_memory')
        self._maps: dict[str, tuple[int, int]] = {}
        self._hooks = [
            module.register_forward_pre_hook(self._watch(name), with_kwargs=True)
            for name, module in self._attentions.items()
        ]

    def _watch(self, name: str) -> Any:
        def note(_: Any, args: tuple, kwargs: dict[str, Any]) -> None:
            height, width = first_input(args, kwargs).shape[-2:]
            known = self._maps.get(name, (0, 0))
            self._maps[name] = max(known, (height, width), key=lambda size: size[0] * size[1])

        return note

    def remove(self) -> None:
        """Remove the hooks."""
        for hook in self._hooks:
            hook.remove()

    def report(self) -> dict[str, Any]:
        """Return the memory of each attention at the largest map that it has read.

        Returns:
            Plain values for JSON: ``modules``, a row for each attention; ``largest``, the name and
            the bytes of the largest attention in each way to compute; ``sum``, the bytes of all
            attentions together; ``refused``, the attentions that inherit an answer which may be
            wrong, with the reason.
        """
        rows = [self._row(name) for name in self._attentions if name in self._maps]
        keys = rows[0]['bytes'] if rows else ()
        return dict(
            modules=rows,
            largest={way: _largest(rows, way) for way in WAYS if rows},
            sum={key: sum(row['bytes'][key] for row in rows) for key in keys},
            refused=self._refused,
        )

    def _row(self, name: str) -> dict[str, Any]:
        module = self._attentions[name]
        height, width = self._maps[name]
        found = bytes_of(module.attention_memory(height, width))
        kind = type(module).__name__
        return dict(name=name, kind=kind, height=height, width=width, bytes=found)


def _largest(rows: Sequence[dict[str, Any]], way: str) -> dict[str, Any]:
    row = max(rows, key=lambda row: row['bytes'][way])
    return dict(name=row['name'], bytes=row['bytes'][way])

"""The gradient that is sent back from the output of a layer."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from spikedense.errors import UserError

from .layouts import Grid

REDUCES = ('sum', 'random_sign')
#: The released code puts the stimulus so many columns right of the centre, in some networks.
OFFICIAL_OFFSET = 5

OutputStep = Literal['all', 'last'] | int


@dataclass(frozen=True)
class Stimulus:
    """A gradient of 1 or -1 at one pixel of a map, and of 0 elsewhere.

    Args:
        center: Row and column in the map of the layer; ``'mid'`` means ``(h // 2, w // 2)``.
        t_out: Output steps with the stimulus: ``'all'``, ``'last'`` or the index of one.
        reduce: ``'sum'``: 1 for all channels, so that the gradients of the channels are summed
            before the absolute value and may cancel (the paper). ``'random_sign'``: 1 or -1 for
            each channel, step and image; the mean of the squared gradient is then the sum of the
            squared gradients of the channels (Hutchinson's estimator).
        offset: Columns to the right of the center.
    """

    center: Literal['mid'] | tuple[int, int] = 'mid'
    t_out: OutputStep = 'all'
    reduce: str = 'sum'
    offset: int = 0

    def __post_init__(self) -> None:
        if self.reduce not in REDUCES:
            raise UserError(f'reduce={self.reduce!r}, expected one of {REDUCES}')
        if self.t_out not in ('all', 'last') and not (
            isinstance(self.t_out, int) and self.t_out >= 0
        ):
            raise UserError(f"t_out={self.t_out!r}, expected 'all', 'last' or an index from 0")

    def place(self, name: str, grid: Grid) -> tuple[int, int]:
        """Return the row and the column of the stimulus.

        Args:
            name: Name of the layer, for errors.
            grid: The axes of its output.

        Raises:
            UserError: The place is not on the map.
        """
        middle = grid.height // 2, grid.width // 2
        row, column = middle if self.center == 'mid' else self.center
        column += self.offset
        if not (0 <= row < grid.height and 0 <= column < grid.width):
            raise UserError(
                f"layer '{name}': the stimulus is at row {row} and column {column}, but the map is "
                f'{grid.height}x{grid.width}; expected larger images, or another layer or centre'
            )
        return row, column

    def gradient(
        self, name: str, out: Tensor, grid: Grid, steps: int, generator: torch.Generator
    ) -> Tensor:
        """Return the stimulus for an output.

        Args:
            name: Name of the layer, for errors.
            out: The output.
            grid: Its axes.
            steps: Time steps of the network.
            generator: Source of the signs.

        Returns:
            A gradient with the shape of the output.

        Raises:
            UserError: The output has no such step, or the place is not on the map.
        """
        row, column = self.place(name, grid)
        gradient = torch.zeros(out.shape, dtype=out.dtype, device=out.device)
        at = grid.maps(gradient)[..., row, column]  # [T, B, C]
        at[self._step(name, grid.steps, steps)] = 1
        if self.reduce == 'random_sign':
            # With the images first, an image has the same signs in batches of any size.
            shape = (at.size(1), at.size(0), at.size(2))
            signs = torch.randint(0, 2, shape, generator=generator).transpose(0, 1)
            at.mul_(signs.to(at) * 2 - 1)
        return gradient

    def _step(self, name: str, own: int, steps: int) -> slice | int:
        """Return the index of the output steps with the stimulus."""
        if self.t_out == 'all':
            return slice(None)
        if own != steps:
            raise UserError(
                f"t_out={self.t_out!r}, but layer '{name}' has {own} time steps of {steps}, "
                "expected t_out='all', or a layer in front of the mean over time"
            )
        if self.t_out == 'last':
            return -1
        if self.t_out >= own:
            raise UserError(
                f"t_out={self.t_out}, but layer '{name}' has {own} time steps, expected a number "
                f'below {own}'
            )
        return self.t_out

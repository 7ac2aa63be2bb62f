"""The balance of two branches of a block."""

import math

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

#: What has a share of its own.
SCOPES = ('channel', 'block')


class BranchBalance(BaseModule):
    r"""A weighted sum of two branches, :math:`(1 - a) s + a m`.

    A learnable share is :math:`a = \sigma(\theta)`; a fixed one is any number from 0 to 1.

    Args:
        channels: Channels of both branches.
        init: The share a at the start.
        learnable: Whether the share is trained.
        per: ``'channel'`` or ``'block'``: what has a share of its own.
    """

    share: Tensor

    def __init__(
        self, channels: int, init: float = 0.25, learnable: bool = True, per: str = 'channel'
    ) -> None:
        super().__init__()
        if per not in SCOPES:
            raise ValueError(f'balance: per={per!r}, expected one of {SCOPES}')
        between = isinstance(init, int | float) and 0 <= init <= 1
        if not between or (learnable and init in (0, 1)):
            raise ValueError(
                f'balance: init={init!r}, learnable={learnable!r}, expected a number from 0 to 1, '
                'between them if it is learnable'
            )
        number = channels if per == 'channel' else 1
        self.theta: nn.Parameter | None = None
        if learnable:
            self.theta = nn.Parameter(torch.full((number,), math.log(init / (1 - init))))
        else:
            self.register_buffer('share', torch.full((number,), float(init)))

    def shares(self) -> Tensor:
        """Return the share a of the second branch, ``[C]`` or ``[1]``."""
        return self.share if self.theta is None else self.theta.sigmoid()

    def forward(self, s: Tensor, m: Tensor) -> Tensor:
        """``[T, B, C, H, W], [T, B, C, H, W] -> [T, B, C, H, W]``."""
        a = self.shares()[:, None, None]
        return (1 - a) * s + a * m

"""The residual block of STSepResNet."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.errors import UserError
from spikedense.utils.answers import Folding, Unfoldable, is_exactly

from ..layers import BranchBalance, DropPath, SpikeConv, TemporalBranch, out_layer, scale_output
from ..layers.folding import check_weighted


class STSepBlock(BaseModule):
    r"""A residual block on the membrane: ``shortcut(x) + (1 - a) * spatial(x) + a * temporal(x)``.

    The spatial branch is that of MS-ResNet. The shortcut of a block that changes the size is a
    convolution of the membrane without a neuron, as in MS-ResNet.

    Args:
        spatial: The spatial branch; its layers in running order.
        temporal: The temporal branch; None for a block without it.
        shortcut: Convolution and norm of the shortcut; None hands on the input.
        balance: The balance of the branches; None for a block without a temporal branch.
        drop_path: Rate of stochastic depth of both branches together.
    """

    def __init__(
        self,
        spatial: Sequence[SpikeConv],
        temporal: TemporalBranch | None,
        shortcut: SpikeConv | None,
        balance: BranchBalance | None,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.spatial = nn.Sequential(*spatial)
        self.temporal = temporal
        self.balance = balance
        self.shortcut = shortcut
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Membranes ``[T, B, C_in, H, W] -> [T, B, C_out, H', W']``."""
        y = self.spatial(x)
        if self.temporal is not None:
            m = self.temporal(x)
            # The shares of a folded block are in the last layers of the branches.
            y = y + m if self.balance is None else self.balance(y, m)
        return self.drop_path(y) + (x if self.shortcut is None else self.shortcut(x))

    def fold_scales(self, steps: int | None) -> list[Folding]:
        """Fold the shares of the balance into the last layer of each branch."""
        if self.balance is None:
            return []
        try:
            if not is_exactly(self.balance, BranchBalance):
                raise Unfoldable(f'{type(self.balance).__name__} is no BranchBalance')
            layers = [out_layer(branch) for branch in (self.spatial[-1], self.temporal)]  # type: ignore[arg-type]
            for layer in layers:
                check_weighted(layer)
        except Unfoldable as refused:
            return [Folding('balance', 'balance', str(refused))]
        a = self.balance.shares()
        scale_output(layers[0], 1 - a)
        scale_output(layers[1], a)
        self.balance = None
        return [Folding('balance', 'balance')]

    def inflated(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Complete the weights of a block without a temporal branch, so that the output is equal.

        The last norm of the temporal branch becomes 0, and the last norm of the spatial branch is
        divided by its share ``1 - a``.

        Args:
            state: The weights of a block without a temporal branch, by the keys of this block.

        Returns:
            The weights of this block; what is neither in ``state`` nor in a last norm stays.

        Raises:
            UserError: The balance leaves no share to the spatial branch.
        """
        if self.balance is None:
            return state
        rest = 1 - self.balance.shares().detach()
        if not rest.all():
            raise UserError(
                'balance: init=1 leaves no share to the spatial branch, expected a smaller share '
                'for the weights of an image network'
            )
        own = self.state_dict()
        added = {k: own[k] for k in own if k.startswith(('temporal.', 'balance.'))}
        for parameter in ('weight', 'bias'):
            last = f'spatial.{len(self.spatial) - 1}.norm.{parameter}'
            if last in state:  # else the check of all keys names what is missing
                state = {**state, last: state[last] / rest.to(state[last])}
            of_motion = f'temporal.expand.norm.{parameter}'
            added[of_motion] = torch.zeros_like(own[of_motion])
        return {**state, **added}

"""The twin of the product of LRF-Dyn."""

from typing import Any

from torch import Tensor, nn

from spikedense.models.layers import DynamicsProduct

from .planes import accumulate, planes_of
from .table import twin_of


@twin_of(DynamicsProduct)
class SpikeDynamicsProduct(nn.Module):
    """Dynamics over tokens that come as binary spikes.

    Keys are accumulated first. Each spike of a value adds the accumulated key to the current of the
    dendrites, and each spike of a query adds the read-out.

    Args:
        product: The product of integers.
        levels: Numbers of virtual steps of queries, keys and values.
    """

    neural_dynamics = True

    def __init__(self, product: DynamicsProduct, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.product = product
        self.q_levels, self.k_levels, self.v_levels = levels[:3]

    def forward(self, q: Tensor | None, k: Tensor | None, v: Tensor) -> Tensor:
        """Multiply as :class:`DynamicsProduct`; arguments are ``[N * D, channels, H, W]``."""
        m = self.product.run(self._tokens(k, v), self.product.scale)
        if q is None:
            return self.product.gated(None, m)
        planes = planes_of(q, self.q_levels).unbind(1)
        total: Any = sum(self.product.tiled(plane, m) for plane in planes)
        return self.product.gated(None, total)

    def _tokens(self, k: Tensor | None, v: Tensor) -> Tensor:
        if k is None:
            return accumulate(v, self.v_levels)
        keys = accumulate(k, self.k_levels)
        total: Any = sum(
            self.product.tiled(keys, plane) for plane in planes_of(v, self.v_levels).unbind(1)
        )
        return total

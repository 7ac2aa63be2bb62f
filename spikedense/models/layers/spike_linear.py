"""The basic layer of heads that work on vectors: neuron, linear layer, norm."""

from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import build_neuron, neuron_or_default
from spikedense.ops import guarded_norm
from spikedense.utils.answers import Folding

from .folding import fold_norm
from .time import fold_time, unfold_time


class SpikeLinear(BaseModule):
    """``Norm(Linear(SN(x)))`` on membrane potentials ``[T, N, C]``.

    Args:
        in_features: Width of the input.
        out_features: Width of the output.
        bias: Whether the layer has a bias; ``'auto'`` means a bias if there is no norm.
        neuron_cfg: None means ``dict(type='NILIF', D=4)``.
        norm_cfg: A norm of maps, as in convolutions (``dict(type='BN')``); None for no norm.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool | str = 'auto',
        neuron_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.neuron = build_neuron(neuron_or_default(neuron_cfg))
        self.linear = nn.Linear(
            in_features, out_features, bias=norm_cfg is None if bias == 'auto' else bool(bias)
        )
        self.norm = None if norm_cfg is None else build_norm_layer(norm_cfg, out_features)[1]

    def forward(self, x: Tensor) -> Tensor:
        """``[T, N, C_in] -> [T, N, C_out]``."""
        y = self.linear(fold_time(self.neuron(x)))
        if self.norm is not None:
            # A vector becomes a map of one pixel, so one norm_cfg works for all layers of a head.
            y = guarded_norm(self.norm, y[..., None, None]).flatten(1)
        return unfold_time(y, x.size(0))

    def out_layer(self) -> nn.Module | None:
        """Return the linear layer; None if a norm behind it changes its output."""
        return self.linear if self.norm is None else None

    def fold_norm(self) -> list[Folding]:
        """Fold the norm into the linear layer."""
        if self.norm is None:
            return []
        fold_norm(self.linear, self.norm)
        self.norm = None
        return [Folding('norm', '')]

"""The base class of layers with weights that stand in the place of a neuron."""

from typing import Any, ClassVar

from torch import Tensor, nn


class WeightedNeuron(nn.Module):
    """A layer in the place of a neuron, with weights for the channels of its map.

    ``neuron_cfg`` builds it where the channels are known, as in ``SpikeConv``. The first argument
    of its constructor is the number of channels, which the model passes in.
    """

    D: int | None = None
    scale: float | None = None
    #: Whether the output is real values, so that the layers behind it multiply.
    emits_reals: ClassVar[bool] = False

    @classmethod
    def hidden_cfg(cls, cfg: dict[str, Any]) -> dict[str, Any]:
        """Return the config of the neuron for places with more channels than a block has."""
        return cfg

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        raise NotImplementedError

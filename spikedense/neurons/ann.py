"""The activation of the ANN twins."""

from torch import nn

from spikedense.registry import MODELS


@MODELS.register_module()
class ReLU(nn.ReLU):
    """ReLU in the place of a neuron: ``neuron_cfg=dict(type='ReLU')`` turns a model into its twin.

    It emits real values, so it has no integer scale: ``D`` and ``scale`` are None.
    """

    D: int | None = None
    scale: float | None = None

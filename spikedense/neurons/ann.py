"""The activation of ANN models, which have no spikes."""

from torch import nn

from spikedense.registry import MODELS


@MODELS.register_module()
class ReLU(nn.ReLU):
    """ReLU in place of a neuron: ``neuron_cfg=dict(type='ReLU')`` makes an ANN of a spiking model.

    ReLU emits real values, which have no integer scale: ``D`` and ``scale`` are None.
    """

    D: int | None = None
    scale: float | None = None

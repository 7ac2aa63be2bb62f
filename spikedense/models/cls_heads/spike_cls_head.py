"""Spiking classification head."""

from collections.abc import Sequence

from mmpretrain.models.heads import ClsHead
from torch import Tensor, nn

from spikedense.neurons import build_neuron, neuron_or_default
from spikedense.registry import MODELS

from ..layers.time import over_time, with_time

NEURONS_AT = ('vector', 'map', 'nowhere')


@MODELS.register_module()
class SpikeClsHead(ClsHead):
    """Classifier ``mean_t(Linear(SN(mean_hw(x))))``, for mmpretrain's ``ImageClassifier``.

    The published networks have their last neuron in one of two places, or none: then the linear
    layer reads real values.

    Args:
        in_channels: Channels of the last feature.
        num_classes: Number of classes.
        distilled: Whether there is a second classifier (``head_kd`` of the official checkpoints).
            The logits are the mean of both classifiers.
        neuron_cfg: Default ``dict(type='NILIF', D=4)``. The official V3 models use
            ``dict(type='NILIF', D=4, norm=1)``, raw integers.
        neuron_at: ``'vector'``: the neuron is behind the spatial mean (Spike-driven Transformers,
            Max-Former). ``'map'``: it is before the spatial mean (MS-ResNet). ``'nowhere'``: there
            is no neuron (Spikformer, QKFormer, Spikingformer, SpikingResformer, SEW-ResNet).
        bias: Whether the linear layers have a bias.
        **kwargs: Arguments of mmpretrain's ``ClsHead``.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        distilled: bool = False,
        neuron_cfg: dict | None = None,
        neuron_at: str = 'vector',
        bias: bool = True,
        **kwargs,
    ) -> None:
        if neuron_at not in NEURONS_AT:
            raise ValueError(f'neuron_at={neuron_at!r}, expected one of {NEURONS_AT}')
        kwargs.setdefault('init_cfg', dict(type='TruncNormal', layer='Linear', std=0.02))
        super().__init__(**kwargs)
        self.neuron_at = neuron_at
        neuron = neuron_at != 'nowhere'
        self.neuron = build_neuron(neuron_or_default(neuron_cfg)) if neuron else nn.Identity()
        self.fc = nn.Linear(in_channels, num_classes, bias=bias)
        self.fc_kd = nn.Linear(in_channels, num_classes, bias=bias) if distilled else None

    def pre_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Pool the last feature; return what the linear layers read, ``[T, B, C]``."""
        x = with_time(feats[-1])
        if self.neuron_at == 'map':
            return self.neuron(x).mean((-2, -1))
        return self.neuron(x.mean((-2, -1)))

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Predict logits.

        Args:
            feats: Features. Only the last is read, ``[T, B, C, H, W]`` or ``[B, C, H, W]``.

        Returns:
            Logits, ``[B, num_classes]``.
        """
        spikes = self.pre_logits(feats)
        logits = over_time(self.fc, spikes)
        if self.fc_kd is not None:
            logits = (logits + over_time(self.fc_kd, spikes)) / 2
        return logits.mean(0)

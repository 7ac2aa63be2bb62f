"""Spiking classification head."""

from collections.abc import Sequence

from mmpretrain.models.heads import ClsHead
from torch import Tensor, nn

from spikedense.neurons import build_neuron, neuron_or_default
from spikedense.registry import MODELS

from ..layers.time import over_time, with_time


@MODELS.register_module()
class SpikeClsHead(ClsHead):
    """Classifier ``mean_t(Linear(SN(mean_hw(x))))``, for mmpretrain's ``ImageClassifier``.

    Args:
        in_channels: Channels of the last feature.
        num_classes: Number of classes.
        distilled: Whether there is a second classifier (``head_kd`` of the official checkpoints).
            The logits are the mean of both classifiers.
        neuron_cfg: Default ``dict(type='NILIF', D=4)``. The official V3 models use
            ``dict(type='NILIF', D=4, norm=1)``, raw integers.
        **kwargs: Arguments of mmpretrain's ``ClsHead``.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        distilled: bool = False,
        neuron_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        kwargs.setdefault('init_cfg', dict(type='TruncNormal', layer='Linear', std=0.02))
        super().__init__(**kwargs)
        self.neuron = build_neuron(neuron_or_default(neuron_cfg))
        self.fc = nn.Linear(in_channels, num_classes)
        self.fc_kd = nn.Linear(in_channels, num_classes) if distilled else None

    def pre_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Pool the last feature and return its spikes, ``[T, B, C]``."""
        return self.neuron(with_time(feats[-1]).mean((-2, -1)))

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

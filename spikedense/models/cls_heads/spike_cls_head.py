"""Spiking classification head."""

from collections.abc import Sequence

from mmpretrain.models.heads import ClsHead
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.nn import functional as F

from spikedense.neurons import build_neuron, neuron_or_default
from spikedense.registry import MODELS

from ..layers.time import over_time, with_time

NEURONS_AT = ('vector', 'map', 'nowhere', 'second')


@MODELS.register_module()
class SpikeClsHead(ClsHead):
    """Classifier ``mean_t(Linear(SN(mean_hw(x))))``, for mmpretrain's ``ImageClassifier``.

    The published networks have their last neuron in one of two places, or none: then the linear
    layer reads real values.

    Args:
        in_channels: Channels of the last feature.
        num_classes: Number of classes.
        distilled: Whether there is a second classifier (``head_kd`` of the official checkpoints).
            The logits are the mean of both classifiers, the loss is the mean of both losses. The
            second one learns the labels of a teacher if the model has one, see
            :class:`HardDistillation`; otherwise both learn the labels of the data set.
        neuron_cfg: Default ``dict(type='NILIF', D=4)``. The official V3 models use
            ``dict(type='NILIF', D=4, norm=1)``, raw integers.
        neuron_at: ``'vector'``: the neuron is behind the spatial mean (Spike-driven Transformers,
            Max-Former). ``'map'``: it is before the spatial mean (MS-ResNet). ``'nowhere'``: there
            is no neuron (Spikformer, QKFormer, Spikingformer, SpikingResformer, SEW-ResNet).
            ``'second'``: the second classifier reads the neuron behind the spatial mean, the first
            one its membrane (the large models of V3).
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
        if neuron_at == 'second' and not distilled:
            raise ValueError(
                "neuron_at='second', expected distilled=True beside it: there is one classifier"
            )
        kwargs.setdefault('init_cfg', dict(type='TruncNormal', layer='Linear', std=0.02))
        super().__init__(**kwargs)
        self.neuron_at = neuron_at
        neuron = neuron_at != 'nowhere'
        self.neuron = build_neuron(neuron_or_default(neuron_cfg)) if neuron else nn.Identity()
        self.fc = nn.Linear(in_channels, num_classes, bias=bias)
        self.fc_kd = nn.Linear(in_channels, num_classes, bias=bias) if distilled else None

    def pre_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Pool the last feature; return what the (second) linear layer reads, ``[T, B, C]``."""
        x = with_time(feats[-1])
        if self.neuron_at == 'map':
            return self.neuron(x).mean((-2, -1))
        return self.neuron(x.mean((-2, -1)))

    def logits(self, feats: Sequence[Tensor]) -> list[Tensor]:
        """Predict the logits of each classifier, see :meth:`forward`."""
        spikes = self.pre_logits(feats)
        first = with_time(feats[-1]).mean((-2, -1)) if self.neuron_at == 'second' else spikes
        logits = [over_time(self.fc, first)]
        if self.fc_kd is not None:
            logits.append(over_time(self.fc_kd, spikes))
        return [one.mean(0) for one in logits]

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Predict logits.

        Args:
            feats: Features. Only the last is read, ``[T, B, C, H, W]`` or ``[B, C, H, W]``.

        Returns:
            Logits, ``[B, num_classes]``.
        """
        logits = self.logits(feats)
        return sum(logits[1:], logits[0]) / len(logits)

    def loss(
        self,
        feats: Sequence[Tensor],
        data_samples: list[DataSample],
        teacher_labels: Tensor | None = None,
        **kwargs,
    ) -> dict[str, Tensor]:
        """Compute the losses, as mmpretrain's ``ClsHead``; of two classifiers their mean.

        Args:
            feats: Features, see :meth:`forward`.
            data_samples: The labels of the data set.
            teacher_labels: The labels that the second classifier learns, ``[B]``; None: those of
                the data set.
            **kwargs: Passed on to the loss.

        Returns:
            ``loss``, and the accuracies of the data set's labels if the head computes them.
        """
        logits = self.logits(feats)
        taught = len(logits) - (teacher_labels is not None)
        each = [self._get_loss(one, data_samples, **kwargs) for one in logits[:taught]]
        losses = {key: sum(found[key] for found in each) / len(each) for key in each[0]}
        if teacher_labels is not None:
            losses['loss'] = (losses['loss'] + F.cross_entropy(logits[-1], teacher_labels)) / 2
        return losses

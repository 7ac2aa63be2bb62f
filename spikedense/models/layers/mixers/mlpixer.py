"""MLPixer: a channel mixer of two linear layers."""

from spikedense.registry import MODELS

from .splash import TwoLayers, check_choices, linear_layer


@MODELS.register_module()
class MLPixer(TwoLayers):
    r"""Multi-layer-perceptron mixer (MLPixer) of "Unveiling the Spatial-temporal Effective
    Receptive Fields of Spiking Neural Networks" (NeurIPS 2025):

    .. math::
        \mathrm{MLPixer}(X) = \mathrm{BN}(\mathrm{MLP}(\mathrm{SN}(
            \mathrm{BN}(\mathrm{MLP}(\mathrm{SN}(X))))))

    The released code has no norms. It reads the map as strips in front of each linear layer (see
    :func:`as_strips`), so the code mixes C neighbouring pixels of one channel and no channels.
    The parameter counts of the paper are those of the code, so the code is the default here.

    Args:
        channels: Channels C of input and output.
        ratio: Ratio of hidden channels to channels.
        layout: ``'splash'`` as in the code, or ``'pointwise'`` as in the formula: linear layers
            over the channels of a pixel. Both have the same number of weights.
        norm: ``'official'`` for no norms as in the code, or ``'bn'`` for a norm behind each layer
            as in the formula.
        drop: Rate of dropout behind each layer.
    """

    def __init__(
        self,
        channels: int,
        ratio: int = 4,
        layout: str = 'splash',
        norm: str = 'official',
        drop: float = 0.2,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        check_choices(ratio, layout, norm, drop)
        behind_linear = norm_cfg if norm == 'bn' else None
        hidden = ratio * channels
        super().__init__(
            linear_layer(layout, channels, hidden, neuron_cfg, behind_linear),
            linear_layer(layout, hidden, channels, neuron_cfg, behind_linear),
            (drop, drop),
            init_cfg,
        )

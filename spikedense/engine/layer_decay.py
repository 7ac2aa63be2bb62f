"""Layer-wise decay of the learning rate, for models whose backbone numbers its layers."""

from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from spikedense.errors import UserError
from spikedense.registry import OPTIM_WRAPPER_CONSTRUCTORS

_KEY = 'optim_wrapper.paramwise_cfg.layer_decay_rate'


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayConstructor(DefaultOptimWrapperConstructor):
    r"""mmengine's constructor, with a factor for each layer of the backbone.

    Layer l of L layers learns with the rate

    .. math::
        \eta_l = \eta \, r^{L - 1 - l}

    The stem is layer 0, each block is the next layer, and all parts of the model behind the
    backbone are layer L - 1. All other settings of ``paramwise_cfg`` hold as well: a factor
    ``lr_mult`` multiplies this one.

    The constructor of mmpretrain fits classifiers alone, and those of mmseg and mmdet know the
    names of the layers of a few backbones. This one asks the backbone, by ``get_layer_depth``.

    Args:
        optim_wrapper_cfg: Config of the optimizer.
        paramwise_cfg: Settings of parameters, with ``layer_decay_rate``, the r above.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        self.rate = self.paramwise_cfg.get('layer_decay_rate')
        if not isinstance(self.rate, int | float) or not 0 < self.rate <= 1:
            raise UserError(f'{_KEY}={self.rate!r}, expected a number above 0 and up to 1')
        if self.base_lr is None:
            raise UserError(
                f'{_KEY}={self.rate!r} without optim_wrapper.optimizer.lr, expected both'
            )

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = '', is_dcn_module: Any = None
    ) -> None:
        """Append a group for each parameter of a module, see mmengine.

        Raises:
            UserError: The backbone of the model does not number its layers.
        """
        super().add_params(params, module, prefix, is_dcn_module)
        if prefix:
            return
        # This is the whole model, after its parts.
        backbone: Any = getattr(module, 'backbone', None)
        if not hasattr(backbone, 'get_layer_depth'):
            found = f'the backbone {type(backbone).__name__}' if backbone else 'no backbone'
            raise UserError(
                f'{_KEY}={self.rate!r}: {type(module).__name__} has {found}, expected a backbone '
                'with the method get_layer_depth, as those of spikedense have it'
            )
        names = {id(parameter): name for name, parameter in module.named_parameters()}
        for group in params:
            depth, layers = backbone.get_layer_depth(names[id(group['params'][0])], 'backbone.')
            scale = self.rate ** (layers - 1 - depth)
            group['lr'] = group.get('lr', self.base_lr) * scale

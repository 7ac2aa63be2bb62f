"""The test of a model in double precision."""

from typing import Any

from mmengine.hooks import Hook
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from spikedense.registry import HOOKS
from spikedense.utils.unwrap import unwrap

#: Heads whose outputs mmdet decodes; mmcv's compiled NMS takes float32 only.
_DECODED = ('rpn_head', 'bbox_head', 'roi_head.bbox_head', 'roi_head.mask_head')


@HOOKS.register_module()
class Float64Hook(Hook):
    """Test the model in float64, where rounding moves no potential over a threshold.

    Boxes are decoded in float32.
    """

    # Before the hook that builds the spike-driven twin.
    priority = 'ABOVE_NORMAL'

    def before_test(self, runner: Any) -> None:
        """Convert the weights.

        Args:
            runner: The runner.
        """
        runner.model.double()

    def before_test_epoch(self, runner: Any) -> None:
        """Convert what enters and leaves the parts that decode boxes.

        This comes after :meth:`before_test` of all hooks, so that the twin is built without it.

        Args:
            runner: The runner.
        """
        model = unwrap(runner.model)
        # Images stay in float32 if mean and std are absent or whole numbers.
        model.data_preprocessor.register_forward_hook(_inputs_as_float64)
        for name, module in model.named_modules():
            if name in _DECODED:
                for head in module if isinstance(module, nn.ModuleList) else (module,):
                    head.register_forward_hook(_as_float32)
            elif name.rpartition('.')[2].endswith('roi_extractor'):
                module.register_forward_pre_hook(_rois_as_maps)


def _inputs_as_float64(_: nn.Module, __: tuple, out: Any) -> Any:
    return {**out, 'inputs': tree_map_only(Tensor, Tensor.double, out['inputs'])}


def _as_float32(_: nn.Module, __: tuple, out: Any) -> Any:
    return tree_map_only(Tensor, Tensor.float, out)


def _rois_as_maps(_: nn.Module, args: tuple) -> tuple:
    maps, rois, *rest = args
    return maps, rois.to(maps[0].dtype), *rest

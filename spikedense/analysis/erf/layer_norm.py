"""Layer norms at the end of a layer, whose channels have a constant sum."""

from functools import cache
from logging import WARNING

from mmengine.logging import print_log
from torch import Tensor

#: Beginnings of the names of operations that only move numbers.
_MOVES = ('Clone', 'Contiguous', 'Permute', 'Transpose', 'View', 'Unsafe', 'Reshape', 'Unsqueeze')


def ends_in_layer_norm(out: Tensor) -> bool:
    """Tell whether a layer norm has made an output.

    Without the weights of the norm, the sum over the channels of a layer norm is zero for each
    image. So its gradient is zero, or noise of the rounding.

    Args:
        out: The output, with its graph.
    """
    node = out.grad_fn
    while node is not None and node.name().startswith(_MOVES):
        node = node.next_functions[0][0]
    return node is not None and node.name().startswith('NativeLayerNorm')


@cache
def warn_of_layer_norm(layer: str) -> None:
    """Warn once that the field of a layer is no field with ``reduce='sum'``."""
    print_log(
        f"layer '{layer}' ends in a layer norm: the sum of its channels hardly depends on the "
        "image, and its field may be noise; reduce='random_sign' has no such problem",
        logger='current',
        level=WARNING,
    )

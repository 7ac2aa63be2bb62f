"""Mixed precision that also runs without a GPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import autocast
from torch import nn

from spikedense.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Forward passes under bfloat16 autocast, on a CPU or a GPU.

    bfloat16 has the exponent range of float32, so no loss scaling is needed. mmengine's
    ``AmpOptimWrapper`` needs a GPU because it scales the loss.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast, inside the gradient-accumulation context of the parent.

        Args:
            model: The model that is trained.
        """
        with super().optim_context(model), autocast(dtype=torch.bfloat16):
            yield

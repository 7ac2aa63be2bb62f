"""The speed of the machine: one large convolution in fp32 and bf16."""

import os
import platform
from typing import Any

import torch
from torch import nn

PRECISIONS = {'fp32': torch.float32, 'bf16': torch.bfloat16}
_WIDTH, _SIZE, _KERNEL = 256, 64, 3


class ConvProbe:
    """A 3x3 convolution, 256 -> 256 channels on 64x64 pixels, channels last, forward only.

    It is timed in turns with the models, so that a busy machine slows down both.

    Args:
        precision: ``'fp32'`` or ``'bf16'``.
        device: The device. A GPU gets 64 images, a CPU one image.
    """

    def __init__(self, precision: str, device: str = 'cpu') -> None:
        batch = 64 if device.startswith('cuda') else 1
        conv = nn.Conv2d(_WIDTH, _WIDTH, _KERNEL, padding=1, bias=False)
        self.conv = conv.to(device, PRECISIONS[precision])
        # torch's type stubs do not know this form of `to`.
        self.conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        x = torch.randn(batch, _WIDTH, _SIZE, _SIZE, device=device).to(PRECISIONS[precision])
        self.x = x.contiguous(memory_format=torch.channels_last)  # [B, 256, 64, 64]
        #: A multiply-add counts as two operations.
        self.gflop = 2 * batch * (_WIDTH * _KERNEL * _SIZE) ** 2 / 1e9

    def run(self) -> None:
        """Run a forward pass."""
        with torch.no_grad():
            self.conv(self.x)


def describe_machine(device: str = 'cpu') -> dict[str, Any]:
    """Name the parts of the machine.

    Args:
        device: The device that is measured.

    Returns:
        ``platform``, ``processor``, ``device``, ``torch`` and ``load``, the number of programs that
        were busy in the last minute. It should be near 0.
    """
    on_gpu = device.startswith('cuda')
    return dict(
        platform=platform.platform(terse=True),
        processor=_processor_name(),
        device=torch.cuda.get_device_name(device) if on_gpu else 'cpu',
        torch=torch.__version__,
        load=os.getloadavg()[0],
    )


def _processor_name() -> str:
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as file:
            names = [
                line.split(':', 1)[1].strip() for line in file if line.startswith('model name')
            ]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()

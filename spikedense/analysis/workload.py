"""The workload of a benchmark: a model of a config, or its backbone, on random data."""

import copy
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from spikedense.checks.config import open_config
from spikedense.checks.model import build_model
from spikedense.utils.images import random_images

from .plain import restate_plainly

MEMORY_FORMATS = {
    'contiguous': torch.contiguous_format,
    'channels_last': torch.channels_last,
}
PARTS = ('model', 'backbone')
#: Number of regions along each side of a label map. An image of a data set has about as many
#: classes, and the losses of a mask classifier cost time and memory for each class.
_REGIONS = 4


@dataclass(frozen=True)
class WorkloadSettings:
    """Settings of a workload.

    Args:
        config: Path of a config file.
        cfg_options: Dotted keys and values that are merged into the config, without a check.
        part: ``'model'`` or ``'backbone'``.
        size: Height and width of the images.
        batch: Number of images in a step.
        device: ``'cpu'``, ``'cuda'`` or ``'cuda:N'``.
        memory_format: ``'contiguous'`` or ``'channels_last'``, of the weights and images.
        amp: Whether to run under autocast: bfloat16 on a CPU, float16 on a GPU.
        threads: Number of torch's threads on a CPU; None means the default of torch.
        plain: Whether to measure the plain re-statement of the model; see
            :func:`restate_plainly`.

    Raises:
        ValueError: A value is out of its range, or there is no such device.
    """

    config: str
    cfg_options: dict[str, Any] = field(default_factory=dict)
    part: str = 'model'
    size: tuple[int, int] = (256, 256)
    batch: int = 1
    device: str = 'cpu'
    memory_format: str = 'contiguous'
    amp: bool = False
    threads: int | None = None
    plain: bool = False

    def __post_init__(self) -> None:
        for key, known in (('part', PARTS), ('memory_format', tuple(MEMORY_FORMATS))):
            if getattr(self, key) not in known:
                raise ValueError(f'{key}={getattr(self, key)!r}, expected one of {known}')
        if self.batch < 1 or min(self.size) < 1:
            raise ValueError(f'batch={self.batch}, size={self.size}, expected positive numbers')
        if self.device.startswith('cuda') and not torch.cuda.is_available():
            raise ValueError(f'device={self.device!r}, but torch finds no CUDA device here')
        if self.plain and self.amp:
            raise ValueError('plain=True with amp=True: the plain re-statement is for fp32')

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values for JSON."""
        return asdict(self)


class Workload:
    """A model (or a backbone) with random weights and random input.

    Args:
        settings: Settings of the workload.
        seed: Seed of the weights and of the input.

    Raises:
        UserError: The config cannot be used, or its model has no backbone.
        ValueError: The whole model is no segmentor of mmseg.
    """

    def __init__(self, settings: WorkloadSettings, seed: int = 0) -> None:
        self.settings = settings
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        torch.manual_seed(seed)
        memory_format = MEMORY_FORMATS[settings.memory_format]
        self.device = torch.device(settings.device)
        self.module = build_part(settings).to(self.device)
        self.module.to(memory_format=memory_format)
        images = random_images(self.module, settings.size, settings.batch, device=self.device)
        self.images = images.contiguous(memory_format=memory_format)  # [B, C, H, W]
        self.samples = self._samples() if settings.part == 'model' else []

    def _samples(self) -> list[Any]:
        """Make a label map for each image: a grid of regions with random classes."""
        head = getattr(self.module, 'decode_head', None)
        if head is None:
            raise ValueError(
                f'{self.settings.config}: {type(self.module).__name__} has no decode_head; whole '
                "models can be measured for mmseg's segmentors, others with part='backbone'"
            )
        from mmengine.structures import PixelData
        from mmseg.structures import SegDataSample

        samples = []
        for _ in range(self.settings.batch):
            grid = torch.randint(head.num_classes, (1, 1, _REGIONS, _REGIONS)).float()
            labels = F.interpolate(grid, size=self.settings.size).long()[0].to(self.device)
            sample = SegDataSample(
                metainfo=dict(
                    img_shape=self.settings.size,
                    ori_shape=self.settings.size,
                    pad_shape=self.settings.size,
                )
            )
            sample.gt_sem_seg = PixelData(data=labels)
            samples.append(sample)
        return samples

    def _autocast(self) -> torch.autocast:
        dtype = torch.float16 if self.device.type == 'cuda' else torch.bfloat16
        return torch.autocast(self.device.type, dtype=dtype, enabled=self.settings.amp)

    def forward(self) -> None:
        """Run a forward pass in eval mode, without a graph."""
        self.module.eval()
        with torch.no_grad(), self._autocast():
            self.module(self.images)

    def train_step(self) -> None:
        """Run forward pass, loss and backward pass in training mode, without an optimizer step."""
        self.module.train()
        self.module.zero_grad(set_to_none=True)
        with self._autocast():
            loss = self._loss()
        loss.backward()

    def _loss(self) -> Tensor:
        if self.settings.part == 'model':
            losses = self.module(self.images, self.samples, mode='loss')
            return self.module.parse_losses(losses)[0]
        return torch.stack([f.float().square().mean() for f in self.module(self.images)]).sum()

    def synchronize(self) -> None:
        """Wait until the device has done its work, so that a time can be taken."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)

    def describe(self) -> dict[str, float]:
        """Return the channels of an image, parameters, and GFLOP (two a multiply-add) of a pass."""
        counter = FlopCounterMode(display=False)
        self.module.eval()
        # The counter adds hooks to tensors that require gradients. A view of a parameter, as of the
        # embedding of a query, requires them even under no_grad, but has no graph for a hook.
        frozen = {name: p.detach() for name, p in self.module.named_parameters()}
        with torch.no_grad(), counter:
            functional_call(self.module, frozen, (self.images,))
        return dict(
            channels=self.images.size(1),
            parameters=sum(p.numel() for p in self.module.parameters()),
            forward_gflop=counter.get_total_flops() / 1e9,
        )


def build_part(settings: WorkloadSettings) -> Any:
    """Build the model of a config or its backbone, with random weights.

    Args:
        settings: The config, its options and the part.

    Returns:
        The module, or its plain re-statement; typed loosely, because a model has methods that
        ``nn.Module`` lacks.
    """
    # With a `+`, an option is not checked. The tool has checked the options, and removed the `+`
    # of those with a new key.
    options = {f'+{key}': copy.deepcopy(value) for key, value in settings.cfg_options.items()}
    module = build_model(open_config(settings.config, options), settings.part)
    if settings.plain:
        restate_plainly(module)
    return module

"""Small Spike2Former segmentors, and images for them."""

import copy
from typing import Any

import torch
from contract import wake
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from reduced_models import build_model, reduced_config
from torch import Tensor, nn

from spikedense.utils.config_path import config_root

CONFIG = 'spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'
NUM_CLASSES = 9


def small_config(**head: Any) -> Config:
    """The demo's config at reduced size.

    Args:
        **head: what differs in its head.
    """
    cfg = reduced_config(str(config_root() / CONFIG))
    cfg.model.decode_head.update(head)
    return cfg


def small_segmentor(awake: bool = True, **head: Any) -> nn.Module:
    """A segmentor of the demo's classes, in eval mode."""
    model = build_model(small_config(**head))
    return wake(model, torch.randn(2, 3, 64, 96)) if awake else model.eval()


def discerning_segmentor(image: Tensor) -> nn.Module:
    """A segmentor that sees several classes in an image.

    An awake one has class scores and mask features of one sign, so that all of its queries say the
    same; here both have a mean of zero.

    Args:
        image: 8-bit, ``[3, H, W]``.
    """
    model = small_segmentor()
    data = dict(inputs=[image], data_samples=[sample(image[0].long())])
    for layer in (model.decode_head.cls_embed, model.decode_head.pixel_decoder.mask_conv.conv):
        nn.init.normal_(layer.weight)
        nn.init.zeros_(layer.bias)
        seen: list[Tensor] = []
        hook = layer.register_forward_hook(lambda *call, seen=seen: seen.append(call[-1]))
        with torch.no_grad():
            model.test_step(copy.deepcopy(data))
            out = seen[0] if isinstance(layer, nn.Linear) else seen[0].movedim(1, -1)
            layer.bias.copy_(-out.flatten(0, -2).mean(0))
        hook.remove()
    return model


def sample(labels: Tensor) -> SegDataSample:
    """Ground truth ``[H, W]`` as mmseg packs it."""
    size = tuple(labels.shape)
    meta = dict(img_shape=size, ori_shape=size, pad_shape=size, padding_size=[0] * 4, flip=False)
    packed = SegDataSample(metainfo=meta)
    packed.gt_sem_seg = PixelData(data=labels[None])
    return packed


def batch(*labels: Tensor) -> dict[str, Any]:
    """Random images of the sizes of their labels."""
    images = [torch.randint(256, (3, *label.shape), dtype=torch.uint8) for label in labels]
    return dict(inputs=images, data_samples=[sample(label) for label in labels])


def losses(model: nn.Module, data: dict[str, Any]) -> dict[str, Tensor]:
    """Losses of a training step."""
    return model.train()(**model.data_preprocessor(data, True), mode='loss')

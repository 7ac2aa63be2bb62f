"""Detectors of mmdet whose networks are exported graphs."""

from typing import Any

import torch
import torch.nn.functional as F
from mmdet.models.detectors import MaskFormer, SingleStageDetector
from mmdet.models.detectors.base import BaseDetector
from mmengine.config import ConfigDict
from mmengine.registry import MODELS
from torch import Tensor, nn

from spikedense.deploy.onnx_runtime import OnnxNetwork


class _OnnxDetector(BaseDetector):
    """The part that all detectors share.

    Args:
        network: The graph of a detector.
    """

    def __init__(self, network: OnnxNetwork) -> None:
        images = network.manifest['images']
        preprocessor = dict(
            type='mmdet.DetDataPreprocessor',
            mean=images['mean'],
            std=images['std'],
            bgr_to_rgb=images['channel_order'] == 'RGB',
        )
        # Not super(), because the other parent builds a backbone and heads.
        BaseDetector.__init__(self, data_preprocessor=preprocessor)
        self.network = network
        self.size = tuple(network.manifest['size'])

    def _head(self, name: str) -> nn.Module:
        decoding = self.network.manifest['decoding']
        return MODELS.build(
            ConfigDict(**decoding[name], test_cfg=ConfigDict(decoding.get('test_cfg') or {}))
        )

    def predict(self, batch_inputs: Tensor, batch_data_samples: Any, rescale: bool = True) -> Any:
        """Predict image by image, as the graph does.

        Args:
            batch_inputs: Normalised images, ``[B, C, H, W]``.
            batch_data_samples: The data samples of the images.
            rescale: Whether the predictions have the size of the image file.

        Returns:
            The data samples with predictions.
        """
        height, width = self.size
        found = []
        for image, sample in zip(batch_inputs.split(1), batch_data_samples, strict=True):
            below, right = height - image.shape[-2], width - image.shape[-1]
            padded = F.pad(image, (0, right, 0, below))
            sample.set_metainfo(dict(batch_input_shape=self.size, pad_shape=self.size))
            found += super().predict(padded, [sample], rescale)
        return found

    def extract_feat(self, batch_inputs: Tensor) -> tuple[Tensor, ...]:
        """Run the graph.

        Args:
            batch_inputs: One normalised image of the exported size.

        Returns:
            The outputs of the graph, which :attr:`bbox_head` or :attr:`panoptic_head` reads.
        """
        return self.network(batch_inputs)


class OnnxSingleStage(_OnnxDetector, SingleStageDetector):
    """A one-stage detector; the head of the export decodes the boxes with no use of its weights.

    Args:
        network: The graph of a one-stage detector.
    """

    def __init__(self, network: OnnxNetwork) -> None:
        super().__init__(network)
        self.bbox_head = self._head('bbox_head')
        self.bbox_head.forward = _by_kind


class OnnxMaskFormer(_OnnxDetector, MaskFormer):
    """A mask classifier for instance or panoptic segmentation.

    Args:
        network: The graph of a mask classifier.
    """

    def __init__(self, network: OnnxNetwork) -> None:
        super().__init__(network)
        self.panoptic_head = _Masks()
        self.panoptic_fusion_head = self._head('panoptic_fusion_head')


class _Masks(nn.Module):
    """Enlarges the masks of a graph to the size of its input, as mmdet's ``MaskFormerHead``."""

    def predict(self, outs: tuple[Tensor, Tensor], samples: list[Any]) -> tuple[Tensor, Tensor]:
        classes, masks = outs
        size = samples[0].metainfo['batch_input_shape']
        return classes, F.interpolate(masks, size=size, mode='bilinear', align_corners=False)


def _by_kind(outs: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
    """Split the outputs of a graph into the scores of all levels and the boxes of all levels."""
    half = len(outs) // 2
    return list(outs[:half]), list(outs[half:])


def onnx_detector(network: OnnxNetwork) -> nn.Module:
    """Build the detector of a graph.

    Args:
        network: The graph of a one-stage detector or of a mask classifier.
    """
    with torch.random.fork_rng():  # a head draws the weights that nobody uses
        kind = network.manifest['kind']
        return OnnxMaskFormer(network) if kind == 'mask classifier' else OnnxSingleStage(network)

"""A segmentor of mmseg whose network is an exported graph."""

import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.segmentors.base import BaseSegmentor
from torch import Tensor, nn

from spikedense.deploy.onnx_runtime import OnnxNetwork


class OnnxSegmentor(EncoderDecoder):
    """A segmentor without weights; mmseg prepares its images and resizes its logits.

    Args:
        network: The graph of a segmentor.
    """

    def __init__(self, network: OnnxNetwork) -> None:
        manifest = network.manifest
        images, logits = manifest['images'], manifest['logits']
        preprocessor = dict(
            type='mmseg.SegDataPreProcessor',
            mean=images['mean'],
            std=images['std'],
            bgr_to_rgb=images['channel_order'] == 'RGB',
            test_cfg=dict(size=tuple(manifest['size'])),
        )
        # Not super(), because the parent builds a backbone and a head.
        BaseSegmentor.__init__(self, data_preprocessor=preprocessor)
        self.network = network
        self.test_cfg = ConfigDict(mode='whole')
        self.align_corners = logits['align_corners']
        # A graph with a single map of logits tells two classes apart by a threshold.
        shape = manifest['graphs']['model']['outputs'].get('logits')
        self.out_channels = shape[1] if shape else len(manifest['classes'])
        # mmseg asks the head for the threshold of a single map of logits.
        self.decode_head = nn.Module()
        self.decode_head.threshold = logits['threshold']

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Run the graph on each image.

        Args:
            inputs: Normalised images of the exported size, ``[B, C, H, W]``.
            batch_img_metas: Not read.

        Returns:
            Logits or scores of the classes, ``[B, K, H, W]``.
        """
        return torch.cat([self._logits(image) for image in inputs.split(1)])

    def _logits(self, image: Tensor) -> Tensor:
        size = image.shape[-2:]
        outs = self.network(image)
        if self.network.manifest['kind'] == 'plain':
            return F.interpolate(
                outs[0], size=size, mode='bilinear', align_corners=self.align_corners
            )
        classes, masks = outs
        masks = F.interpolate(masks, size=size, mode='bilinear', align_corners=False)
        scores = F.softmax(classes, -1)[..., :-1]  # [1, Q, K], without "no object"
        return torch.einsum('bqk,bqhw->bkhw', scores, masks.sigmoid())

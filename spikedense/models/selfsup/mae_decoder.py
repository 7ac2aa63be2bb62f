"""The decoder of the spiking masked auto-encoder."""

from math import isqrt
from typing import cast

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from mmpretrain.models.utils import build_2d_sincos_position_embedding
from torch import Tensor, nn

from spikedense.registry import MODELS


@MODELS.register_module()
class MAEDecoder(BaseModule):
    """Predicts the pixels of each patch from the tokens of a spiking encoder.

    It is a plain vision transformer with real values, which is thrown away after the pre-training.
    Unlike mmpretrain's ``MAEPretrainDecoder`` it has neither a class token nor a mask token: the
    last stage of the encoder has a token for every patch.

    Args:
        in_channels: Channels of the tokens.
        num_patches: Number of patches, a square number.
        patch_size: Side of a patch in pixels.
        embed_dims: Width of the decoder, a multiple of 4.
        depth: Number of blocks.
        num_heads: Heads of their attention.
        mlp_ratio: Ratio of hidden channels to channels in their MLPs.
        image_channels: Channels of the image.
        norm_cfg: Norm of the blocks.
    """

    position: Tensor

    def __init__(
        self,
        in_channels: int,
        num_patches: int = 196,
        patch_size: int = 16,
        embed_dims: int = 256,
        depth: int = 4,
        num_heads: int = 4,
        mlp_ratio: int = 4,
        image_channels: int = 3,
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Xavier', layer='Linear', distribution='uniform'))
        if isqrt(num_patches) ** 2 != num_patches:
            raise ValueError(f'num_patches={num_patches}, expected a square number, as 196')
        norm_cfg = norm_cfg or dict(type='LN', eps=1e-6)
        self.num_patches = num_patches
        self.embed = nn.Linear(in_channels, embed_dims)
        position = build_2d_sincos_position_embedding(isqrt(num_patches), embed_dims)
        self.register_buffer('position', cast(Tensor, position).detach())  # [1, L, C]
        self.blocks = nn.ModuleList(
            TransformerEncoderLayer(
                embed_dims, num_heads, mlp_ratio * embed_dims, qkv_bias=False, norm_cfg=norm_cfg
            )
            for _ in range(depth)
        )
        self.norm = build_norm_layer(norm_cfg, embed_dims)[1]
        self.pred = nn.Linear(embed_dims, patch_size**2 * image_channels)

    def forward(self, tokens: Tensor, order: Tensor | None = None) -> Tensor:
        """Predict pixels.

        Args:
            tokens: ``[B, L, C]``.
            order: Number of the token that each position reads, ``[B, L]``; None: each position
                reads its own one.

        Returns:
            Pixels of each patch, channels last, ``[B, L, patch_size**2 * image_channels]``.
        """
        x = self.embed(tokens)
        if x.size(1) != self.num_patches:
            raise ValueError(
                f'{x.size(1)} patches, expected num_patches={self.num_patches} of the MAEDecoder'
            )
        if order is not None:
            x = torch.gather(x, 1, order[..., None].expand_as(x))
        x = x + self.position
        for block in self.blocks:
            x = block(x)
        return self.pred(self.norm(x))

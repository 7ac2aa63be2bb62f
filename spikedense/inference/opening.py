"""The inferencer of a config, chosen by the library of the config."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from spikedense.checks.checkpoint import checkpoint_for
from spikedense.checks.config import library_of
from spikedense.errors import UserError

from .config import read_config
from .inferencer import Inferencer


def open_inferencer(
    model: str | Path | Config,
    weights: str | Path | None = None,
    device: str | torch.device | None = None,
    cfg_options: Mapping[str, Any] | None = None,
    network: nn.Module | None = None,
) -> Inferencer:
    """Return the inferencer for a config, by its ``default_scope``.

    Args:
        model: See :class:`Inferencer`.
        weights: See there.
        device: See there.
        cfg_options: See there.
        network: See there.

    Returns:
        A ``SegInferencer`` or a ``DetInferencer``.

    Raises:
        UserError: The config is neither of mmseg nor of mmdet; else see :class:`Inferencer`.
    """
    cfg = read_config(model, cfg_options)
    library = library_of(cfg)
    checkpoint = checkpoint_for(model, weights)
    # Each import loads a library that the other inferencer does not need.
    if library == 'mmseg':
        from .seg_inferencer import SegInferencer

        return SegInferencer(cfg, checkpoint, device, network=network)
    if library == 'mmdet':
        from .det_inferencer import DetInferencer

        return DetInferencer(cfg, checkpoint, device, network=network)
    raise UserError(
        f"default_scope='{library}' in the config; there are inferencers for mmseg and mmdet"
    )

"""A model built from a config and filled from a checkpoint."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mmengine.config import Config
from torch import nn

from spikedense.checks.checkpoint import existing_checkpoint
from spikedense.checks.config import open_config
from spikedense.checks.model import build_model
from spikedense.converters import is_official, read_state_dict
from spikedense.engine.runner import compare_weights, read_checkpoint
from spikedense.errors import UserError


def open_model(
    config: str, checkpoint: str | None = None, cfg_options: Mapping[str, Any] | None = None
) -> tuple[Config, nn.Module]:
    """Read a config, build its model and fill the model from a checkpoint.

    Args:
        config: Path of a config, or the name of a shipped one.
        checkpoint: Path or address of a checkpoint. With None the weights stay random; nothing is
            downloaded.
        cfg_options: Dotted keys and the values that replace those of the config.

    Returns:
        The config, and the model in eval mode.

    Raises:
        UserError: The config cannot be used, or the checkpoint is missing or does not fit.
    """
    cfg = open_config(config, cfg_options)
    model = build_model(cfg)
    if checkpoint is not None:
        fill(model, existing_checkpoint(str(checkpoint)))
    return cfg, model.eval()


def fill(model: nn.Module, checkpoint: str) -> dict:
    """Load a checkpoint into a model, if the checkpoint fits key by key.

    Args:
        model: The model, changed in place.
        checkpoint: Path or address of a checkpoint that exists.

    Returns:
        What the checkpoint holds.

    Raises:
        UserError: The file cannot be read, a weight is missing or of another shape, a key is
            unknown, or the keys are those of an official checkpoint.
    """
    content = read_checkpoint(checkpoint)
    with suppress(ValueError):  # There are no tensors in the file; the comparison reports it.
        if is_official(read_state_dict(content)):
            raise UserError(
                f"the checkpoint '{checkpoint}' has official keys, which "
                'tools/model_converters/official_to_spikedense.py converts'
            )
    fit = compare_weights(model, content, checkpoint)
    if not fit.exact:
        raise UserError(f"the checkpoint '{checkpoint}' does not fit the model, {fit.describe()}")
    return content

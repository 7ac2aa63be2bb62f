"""A model built from a config and filled from a checkpoint."""

from collections.abc import Mapping, Sequence
from logging import WARNING
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from torch import nn

from spikedense.checks.checkpoint import existing_checkpoint, given_or_found
from spikedense.checks.config import library_of, open_config
from spikedense.checks.model import build_model
from spikedense.checks.widths import check_widths
from spikedense.converters import is_spike2former, spike2former_head, spike2former_options
from spikedense.weights import (
    Checkpoint,
    convert_official,
    describe_official,
    load,
    other_settings,
    read_checkpoint,
    read_state_dict,
    tell_sizes,
)

from .config import dataset_meta, read_config

#: D of the default neuron.
_D = 4


def open_model(
    config: str, checkpoint: str | None = None, cfg_options: Mapping[str, Any] | None = None
) -> tuple[Config, nn.Module]:
    """Read a config, build its model and fill the model from a checkpoint.

    Args:
        config: Path of a config, or the name of a shipped one.
        checkpoint: Path or address of a checkpoint. With None the weights are those at hand for the
            name, else random ones; nothing is downloaded.
        cfg_options: Dotted keys and the values that replace those of the config.

    Returns:
        The config, and the model in eval mode.

    Raises:
        UserError: The config cannot be used, or the checkpoint is missing or does not fit.
    """
    cfg = open_config(config, cfg_options)
    model = build_model(cfg)
    check_widths(model)
    path = given_or_found(config, checkpoint)
    if path is not None:
        existing_checkpoint(path)
        content = read_checkpoint(path)
        load(model, read_state_dict(content), path)
        warn_of_settings(model, content)
    return cfg, model.eval()


def with_our_keys(checkpoint: Checkpoint, cfg: Config) -> Checkpoint:
    """Convert a checkpoint with official keys in memory, and tell so in a line of the log.

    Args:
        checkpoint: Content of any file.
        cfg: Config of the model that is built next. For a Spike2Former, it is changed in place to
            the layout of the released code; D stays as it is, because no file records it.

    Returns:
        The converted checkpoint; one without official keys unchanged.

    Raises:
        UserError: No rule knows one of the keys.
    """
    report = convert_official(read_state_dict(checkpoint), checkpoint.source)
    if report is None:
        return checkpoint
    head = spike2former_head(report.state_dict)
    if head is not None and is_spike2former(cfg, head):
        D = (cfg.model.backbone.get('neuron_cfg') or {}).get('D', _D)
        cfg.merge_from_dict(spike2former_options(report.state_dict, head, D))
    print_log(describe_official(report, checkpoint.source), logger='current')
    return Checkpoint({'state_dict': report.state_dict}, checkpoint.source)


def warn_of_settings(
    model: nn.Module, checkpoint: Checkpoint, classes: Sequence[str] | None = None
) -> None:
    """Warn of settings that no weight shows, such as D, and that are not those of the training.

    Layers that depend on the size of their map learn the sizes of the training, and warn later.

    Args:
        model: The model.
        checkpoint: Content of the file.
        classes: Names of the classes; None compares none.
    """
    tell_sizes(model, checkpoint)
    found = other_settings(model, checkpoint, classes)
    if found:
        said = f"the weights of '{checkpoint.source}' were trained with other settings: "
        print_log(said + '; '.join(found), logger='current', level=WARNING)


def describe(cfg: Config, model: Any, checkpoint: str | None = None) -> None:
    """Give a model what an export writes into its manifest: its config and its classes.

    Args:
        cfg: The config of the model.
        model: The model of :func:`open_model`; gets the attributes ``cfg`` and ``dataset_meta``, as
            in mmseg and mmdet. A model without a test set, or of mmpretrain, stays unchanged.
        checkpoint: The file of its weights, which may name the classes.

    Raises:
        UserError: The names of the classes do not fit the model.
    """
    if library_of(cfg) not in ('mmseg', 'mmdet') or cfg.get('test_dataloader') is None:
        return
    content = {} if checkpoint is None else read_checkpoint(checkpoint)
    model.cfg = cfg
    model.dataset_meta = dataset_meta(read_config(cfg), content, model)

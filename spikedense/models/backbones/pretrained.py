"""Loads backbone weights for ``init_cfg``, from checkpoints of this package or official ones."""

from logging import WARNING
from typing import Any

from mmengine.logging import print_log
from torch import Tensor

from spikedense.converters import BACKBONE, recognised_families
from spikedense.errors import UserError
from spikedense.weights import (
    check,
    convert_official,
    describe_official,
    fill,
    read_checkpoint,
    read_state_dict,
)


def load_pretrained(
    backbone: Any, checkpoint: str, prefix: str | None = None, partial: bool = False
) -> None:
    """Load backbone weights from a checkpoint: all of them or none, unless ``partial`` is True.

    The checkpoint may be of a whole model: ``backbone.`` is removed from the keys, and the keys of
    necks, heads and classifiers are left out. An official checkpoint is recognised by its keys, and
    converted in memory; a line of the log tells its family and its checksum.

    Args:
        backbone: The backbone, a :class:`SpikeBackbone`.
        checkpoint: Path or address of the file.
        prefix: Prefix of the keys; None means ``backbone.`` or no prefix. With ``backbone.``, an
            official file of a bare backbone or classifier is accepted too.
        partial: Whether to load the weights that fit, and to warn of the others. Weights that the
            file lacks keep their values.

    Raises:
        UserError: The file cannot be read, no key has the prefix, no converter knows an official
            key, or a weight of the backbone is missing, unknown or of another shape (with
            ``partial``: no weight fits).
    """
    state = read_state_dict(read_checkpoint(checkpoint))
    # The backbone of an official file has the prefix in its converted keys, if not before.
    if prefix and not (prefix.rstrip('.') + '.' == BACKBONE and recognised_families(state)):
        state = _below(prefix.rstrip('.') + '.', state)
        if not state:
            raise UserError(f"no key of the checkpoint '{checkpoint}' starts with {prefix=}")
    name = type(backbone).__name__
    report = convert_official(state, checkpoint, 'backbone')
    if report is None:
        state, model = _below(BACKBONE, state) or state, name
    else:
        state = report.state_dict
        model = f'{name} (its official keys are those of {", ".join(report.families)})'
    state = backbone.completed(state)
    fit = check(backbone, state, checkpoint, strict=not partial, name=model)
    fill(backbone, state)
    if not fit.exact:
        said = f"{name}: the checkpoint '{checkpoint}' fits in part, {fit.describe()}"
        print_log(said, logger='current', level=WARNING)
    source = checkpoint if report is None else describe_official(report, checkpoint)
    print_log(f'{name}: weights loaded from {source}', logger='current')


def _below(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the entries whose keys have a prefix, and remove the prefix from the keys."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

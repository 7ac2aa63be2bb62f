"""Loads backbone weights for ``init_cfg``, from checkpoints of this package or official ones."""

from logging import WARNING
from typing import Any

from mmengine.logging import print_log
from torch import Tensor

from spikedense.converters import convert_state_dict, recognised_families
from spikedense.errors import UserError
from spikedense.utils.wording import some_of
from spikedense.weights import check, fill, read_checkpoint, read_state_dict


def load_pretrained(
    backbone: Any, checkpoint: str, prefix: str | None = None, partial: bool = False
) -> None:
    """Load backbone weights from a checkpoint: all of them or none, unless ``partial`` is True.

    The checkpoint may be of a whole model: ``backbone.`` is removed from the keys, and the keys of
    necks, heads and classifiers are left out.

    Args:
        backbone: The backbone, a :class:`SpikeBackbone`.
        checkpoint: Path or address of the file.
        prefix: Prefix of the keys; None means ``backbone.`` or no prefix.
        partial: Whether to load the weights that fit, and to warn of the others. Weights that the
            file lacks keep their values.

    Raises:
        UserError: The file cannot be read, no key has the prefix, no converter knows an official
            key, or a weight of the backbone is missing, unknown or of another shape (with
            ``partial``: no weight fits).
    """
    state = read_state_dict(read_checkpoint(checkpoint))
    if prefix:
        state = _below(prefix.rstrip('.') + '.', state)
        if not state:
            raise UserError(f"no key of the checkpoint '{checkpoint}' starts with {prefix=}")
    # Converters do not know the necks and heads of other libraries, so drop these keys first.
    state = _below('backbone.', state) or state
    if recognised_families(state):
        report = convert_state_dict(state)
        if report.unexpected:
            raise UserError(
                f"the checkpoint '{checkpoint}' has {len(report.unexpected)} official keys that no "
                f'converter knows: {some_of(report.unexpected)}'
            )
        state = _below('backbone.', report.state_dict) or report.state_dict
    state = backbone.completed(state)
    name = type(backbone).__name__
    fit = check(backbone, state, checkpoint, strict=not partial, name=name)
    fill(backbone, state)
    if not fit.exact:
        said = f"{name}: the checkpoint '{checkpoint}' fits in part, {fit.describe()}"
        print_log(said, logger='current', level=WARNING)
    print_log(f'{name}: weights loaded from {checkpoint}', logger='current')


def _below(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the entries whose keys have a prefix, and remove the prefix from the keys."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

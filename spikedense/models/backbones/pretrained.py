"""Loading of backbone weights, ours or official, strictly."""

from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from spikedense.converters import convert_state_dict, is_official, read_state_dict
from spikedense.utils.wording import some_of


def load_pretrained(backbone: nn.Module, checkpoint: str, prefix: str | None = None) -> None:
    """Loads backbone weights from a checkpoint with our keys or official ones.

    A whole model's file will do: what stands in front of the backbone (``backbone.``) is
    stripped, the keys of necks, heads and classifiers are left out.

    Args:
        backbone: the backbone.
        checkpoint: path or URL.
        prefix: prefix of the backbone's keys; None finds ``backbone.`` by itself.

    Raises:
        ValueError: a weight of the backbone is missing, unknown or of another shape. Nothing
            has been loaded then.
    """
    state = read_state_dict(
        CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu', logger='current')
    )
    if prefix:
        dot = prefix.rstrip('.') + '.'
        state = {k.removeprefix(dot): v for k, v in state.items() if k.startswith(dot)}
        if not state:
            raise ValueError(f'{checkpoint}: no key starts with prefix={prefix!r}')
    # Only then converted: official necks and heads of any library are none of ours to know.
    state = _below_backbone(state)
    if is_official(state):
        report = convert_state_dict(state)
        if report.unexpected:
            raise ValueError(
                f'{checkpoint}: official keys that no rule knows: {some_of(report.unexpected)}'
            )
        state = _below_backbone(report.state_dict)
    state = {k: v for k, v in state.items() if k.startswith('stages.')}
    own = backbone.state_dict()
    # A batch norm's counter is a statistic of the run, and some official files lack it.
    missing = [k for k in own if k not in state and not k.endswith('num_batches_tracked')]
    unexpected = [k for k in state if k not in own]
    shapes = [k for k in state if k in own and state[k].shape != own[k].shape]
    name = type(backbone).__name__
    for what, keys in (('lacks', missing), ('has unexpected', unexpected)):
        if keys:
            raise ValueError(f'{checkpoint} {what} weights of {name}: {some_of(keys)}')
    if shapes:
        key = shapes[0]
        raise ValueError(
            f'{checkpoint} does not fit {name}: {key} is {tuple(state[key].shape)}, expected '
            f'{tuple(own[key].shape)} ({len(shapes)} such keys); is arch right?'
        )
    backbone.load_state_dict(state, strict=False)
    print_log(f'{name}: {len(state)} tensors loaded from {checkpoint}', logger='current')


def _below_backbone(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What stands below ``backbone.``, without it; everything where nothing does."""
    dot = 'backbone.'
    return {k.removeprefix(dot): v for k, v in state.items() if k.startswith(dot)} or state

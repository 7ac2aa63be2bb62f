"""Loading of backbone weights, ours or official, strictly."""

from collections.abc import Iterable

from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader
from torch import nn

from spikedense.converters import convert_state_dict, is_official, read_state_dict


def _some(keys: Iterable[str]) -> str:
    keys = sorted(keys)
    return ', '.join(keys[:3]) + (f' and {len(keys) - 3} more' if len(keys) > 3 else '')


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
    if is_official(state):
        report = convert_state_dict(state)
        unknown = [k for k in report.unexpected if not k.startswith(('neck.', 'decode_head.'))]
        if unknown:
            raise ValueError(f'{checkpoint}: official keys that no rule knows: {_some(unknown)}')
        state = report.state_dict
    if any(k.startswith('backbone.') for k in state):
        state = {
            k.removeprefix('backbone.'): v for k, v in state.items() if k.startswith('backbone.')
        }
    state = {k: v for k, v in state.items() if k.startswith('stages.')}
    own = backbone.state_dict()
    # A batch norm's counter is a statistic of the run, and some official files lack it.
    missing = [k for k in own if k not in state and not k.endswith('num_batches_tracked')]
    unexpected = [k for k in state if k not in own]
    shapes = [k for k in state if k in own and state[k].shape != own[k].shape]
    name = type(backbone).__name__
    for what, keys in (('lacks', missing), ('has unexpected', unexpected)):
        if keys:
            raise ValueError(f'{checkpoint} {what} weights of {name}: {_some(keys)}')
    if shapes:
        key = shapes[0]
        raise ValueError(
            f'{checkpoint} does not fit {name}: {key} is {tuple(state[key].shape)}, expected '
            f'{tuple(own[key].shape)} ({len(shapes)} such keys); is arch right?'
        )
    backbone.load_state_dict(state, strict=False)
    print_log(f'{name}: {len(state)} tensors loaded from {checkpoint}', logger='current')

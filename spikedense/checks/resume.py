"""Whether a run can continue from a checkpoint: the optimizer and the schedulers are the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.optim import OptimWrapper

from spikedense.errors import UserError
from spikedense.utils.class_names import class_name
from spikedense.utils.config_text import read_config_text

_NEEDED = ('meta', 'message_hub')
_INSTEAD = 'to start anew from the weights alone, use --cfg-options load_from='


def check_resume(
    source: str, checkpoint: Mapping[str, Any], optimizer: Any, schedulers: Any
) -> None:
    """Check that the state of a checkpoint fits the optimizer and the schedulers of a run.

    torch and mmengine take most states that do not fit, or fail with an error of their own.

    Args:
        source: Name of the checkpoint for the user.
        checkpoint: Content of the file.
        optimizer: The optimizer wrapper of the run.
        schedulers: The schedulers of the run: a list, or None.

    Raises:
        UserError: The state does not fit, or the checkpoint holds weights only.
    """
    instead = f'{_INSTEAD}{source}'
    meta = checkpoint.get('meta')
    missing = [key for key in _NEEDED if key not in checkpoint]
    missing += [f'meta.{key}' for key in ('epoch', 'iter') if key not in (meta or {})]
    if missing:
        raise UserError(
            f"--resume: '{source}' has no {', '.join(missing)}, expected a checkpoint that a "
            f'training has written; {instead}'
        )
    if 'optimizer' in checkpoint and isinstance(optimizer, OptimWrapper):
        _check_type(source, meta, optimizer, instead)
        _check_groups(source, checkpoint['optimizer'], optimizer, instead)
    saved = checkpoint.get('param_schedulers')
    before, now = (len(each) if isinstance(each, list) else None for each in (saved, schedulers))
    if before != now and None not in (before, now):
        raise UserError(
            f"--resume: param_scheduler has {now} schedulers, but '{source}' has the "
            f'state of {before}, expected the same; {instead}'
        )


def check_processes(
    source: str, checkpoint: Mapping[str, Any], processes: int, scaled: bool
) -> None:
    """Check that a run has as many processes as the run of an old checkpoint.

    mmengine does so too, but runs the text of the config for it.

    Args:
        source: Name of the checkpoint for the user.
        checkpoint: Content of the file.
        processes: Number of processes of this run.
        scaled: Whether ``auto_scale_lr`` adapts the learning rate.

    Raises:
        UserError: The number is another one, and the learning rate is not adapted.
    """
    text = (checkpoint.get('meta') or {}).get('config_text')
    ids = read_config_text(text).get('gpu_ids') if isinstance(text, str) else None
    before = len(ids) if isinstance(ids, Sequence) else 0
    if before not in (0, processes) and not scaled:
        raise UserError(
            f"--resume: '{source}' is of a run with {before} processes, but this run has "
            f'{processes}, expected the same number or --auto-scale-lr'
        )


def _check_type(source: str, meta: Any, optimizer: OptimWrapper, instead: str) -> None:
    """Compare the class of the optimizer with the one in the config of the checkpoint."""
    was = _type_in(meta.get('cfg_text'))
    now = type(optimizer.optimizer).__name__
    if was is not None and was != now:
        raise UserError(
            f"--resume: optim_wrapper.optimizer.type is '{now}', but '{source}' has the state of "
            f"'{was}', expected the same; {instead}"
        )


def _type_in(text: Any) -> str | None:
    """Return the class of the optimizer in the text of a config; None if it cannot be read."""
    wrapper = read_config_text(text).get('optim_wrapper') if isinstance(text, str) else None
    optimizer = wrapper.get('optimizer') if isinstance(wrapper, dict) else None
    return (class_name(optimizer) or None) if isinstance(optimizer, dict) else None


def _check_groups(source: str, state: Any, optimizer: OptimWrapper, instead: str) -> None:
    """Compare the groups of parameters, and the settings that belong to the optimizer."""
    saved = state.get('param_groups') if isinstance(state, Mapping) else None
    if not isinstance(saved, Sequence):
        return
    groups = optimizer.optimizer.param_groups
    before, now = ([len(group['params']) for group in each] for each in (saved, groups))
    if before != now:
        raise UserError(
            f'--resume: the optimizer has {_groups(now)}, but the one of '
            f"'{source}' has {_groups(before)}, expected the same model and the same "
            f'optim_wrapper.paramwise_cfg; {instead}'
        )


def _groups(sizes: list[int]) -> str:
    groups = '1 group' if len(sizes) == 1 else f'{len(sizes)} groups'
    return f'{groups} of {sum(sizes)} parameters'

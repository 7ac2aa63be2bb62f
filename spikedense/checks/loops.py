"""The keys of a config that make a training, a validation and a test: all of a loop, or none."""

from mmengine.config import Config

from spikedense.errors import UserError

_LOOPS = {
    'train': ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    'val': ('val_dataloader', 'val_cfg', 'val_evaluator'),
    'test': ('test_dataloader', 'test_cfg', 'test_evaluator'),
}


def check_loops(cfg: Config) -> None:
    """Check that a config has all keys of a loop, or none of them.

    Args:
        cfg: The config.

    Raises:
        UserError: A loop is switched off in part.
    """
    for name, keys in _LOOPS.items():
        missing = [key for key in keys if cfg.get(key) is None]
        if not missing or len(missing) == len(keys):
            continue
        given = [key for key in keys if key not in missing]
        what = {'train': 'training', 'val': 'validation', 'test': 'test'}[name]
        options = ' '.join(f'{key}=None' for key in keys)
        raise UserError(
            f'the {what} is switched off in part: {" and ".join(missing)} '
            f'{"is" if len(missing) == 1 else "are"} None or missing, but {" and ".join(given)} '
            f'{"is" if len(given) == 1 else "are"} there; expected all three '
            f'(or none, by --cfg-options {options})'
        )
    if cfg.get('optim_wrapper') is None and cfg.get('param_scheduler'):
        raise UserError('param_scheduler is given, but optim_wrapper is not, expected both or none')

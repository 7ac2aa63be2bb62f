"""mmengine's runner with the checks that it leaves out."""

import logging
import os
import re
from typing import Any, cast

from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn
from torch.utils.data import DataLoader

_SHOWN = 3
_DATA_KEYS = ('data_root', 'data_prefix', 'ann_file', 'img_suffix')
_BATCH_COUNTER = 'num_batches_tracked'
#: Beginnings of messages that fill a screen or concern no user; the log file keeps them.
_LOG_FILE_ONLY = (
    'Config:',
    'Hooks will be executed',
    'paramwise_options',
    'Distributed training is not used',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'The prefix is not set in metric class',
    '\n' + '-' * 60 + '\nSystem environment',
)


class RunError(RuntimeError):
    """A run cannot go on because of what the user gave; the message is one sentence for him."""


class GuardedRunner(Runner):
    """A runner that refuses what mmengine lets pass silently.

    - An empty data set (mmengine's infinite sampler would search for an image forever).
    - With ``strict_loading``, a checkpoint that leaves weights of the model untouched.
    - A checkpoint is written beside its place and then renamed, so that a killed run never leaves
      half a file under a checkpoint's name.

    ``started`` tells whether a first iteration has begun: before that, nothing is worth keeping.
    """

    strict_loading = False
    started = False

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger; the screen is spared the config and the environment.

        Args:
            *args: Passed on to mmengine.
            **kwargs: Passed on to mmengine.

        Returns:
            The logger.
        """
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                if is_main_process():
                    print(f'log: {handler.baseFilename}')
            else:
                handler.addFilter(lambda record: not str(record.msg).startswith(_LOG_FILE_ONLY))
        return logger

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict, seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        """Build a loader, and see that its data set holds something.

        Args:
            dataloader: A loader or its config.
            seed: Seed of the sampler.
            diff_rank_seed: Whether each process takes a seed of its own.

        Returns:
            The loader.
        """
        if isinstance(dataloader, dict) and dataloader.get('num_workers') == 0:
            # torch refuses to keep workers that do not exist.
            dataloader = {**dataloader, 'persistent_workers': False}
        loader = None
        try:
            loader = Runner.build_dataloader(dataloader, seed, diff_rank_seed)
        except ValueError as exc:
            # What numpy says when mmengine packs a list of no samples.
            if 'need at least one array' not in str(exc):
                raise
        if loader is None or len(loader.dataset) == 0:
            raise RunError(_no_image(dataloader))
        return loader

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call the hooks, and note the first iteration.

        Args:
            fn_name: Name of the stage.
            **kwargs: What the stage passes to its hooks.
        """
        if fn_name in ('before_train_iter', 'before_val_iter', 'before_test_iter'):
            self.started = True
        super().call_hook(fn_name, **kwargs)

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict:
        """Load weights; with ``strict_loading`` refuse a checkpoint that lacks some.

        Args:
            filename: Path or address of the checkpoint.
            *args: Passed on to mmengine.
            **kwargs: Passed on to mmengine.

        Returns:
            The checkpoint.
        """
        checkpoint = read_checkpoint(filename)
        if self.strict_loading:
            check_weights(self.model, checkpoint, filename)
        return super().load_checkpoint(filename, *args, **kwargs)

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Write a checkpoint under another name, then rename it.

        Args:
            out_dir: Folder of the checkpoint.
            filename: Its name.
            *args: Passed on to mmengine.
            **kwargs: Passed on to mmengine.
        """
        if '://' in out_dir:
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
            return
        part = f'{filename}.part'
        super().save_checkpoint(out_dir, part, *args, **kwargs)
        if is_main_process():
            os.replace(os.path.join(out_dir, part), os.path.join(out_dir, filename))


def _no_image(dataloader: DataLoader | dict) -> str:
    dataset = dataloader.get('dataset') if isinstance(dataloader, dict) else dataloader.dataset
    cfg = dataset if isinstance(dataset, dict) else {'type': type(dataset).__name__}
    where = ', '.join(f'{key}={cfg[key]!r}' for key in _DATA_KEYS if key in cfg)
    return (
        f'the data set {cfg.get("type", "")} has no image ({where}): check the folders, the '
        'annotation file and the file suffixes in the config'
    )


def read_checkpoint(filename: str) -> dict:
    """Read a checkpoint on the CPU.

    Args:
        filename: Path or address of the checkpoint.

    Returns:
        What the file holds.
    """
    try:
        checkpoint = CheckpointLoader.load_checkpoint(filename, map_location='cpu', logger='silent')
    except FileNotFoundError:
        raise
    except Exception as exc:
        raise RunError(
            f"cannot read the checkpoint '{filename}': it is incomplete or no checkpoint at all "
            f'({type(exc).__name__})'
        ) from exc
    if not isinstance(checkpoint, dict):
        raise RunError(
            f"'{filename}' holds a {type(checkpoint).__name__}, a checkpoint is a dictionary with "
            'a state_dict'
        )
    return checkpoint


def check_weights(model: nn.Module, checkpoint: dict, filename: str) -> None:
    """Raise unless the checkpoint has every weight of the model, in its shape.

    Args:
        model: The model, wrapped or not.
        checkpoint: A checkpoint or a bare state dict.
        filename: Its name, for the message.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = cast(nn.Module, model.module)
    state = checkpoint.get('state_dict', checkpoint)
    state = {re.sub(r'^module\.', '', key): value for key, value in state.items()}
    wrong_shape: list[str] = []
    try:
        # A trial load, so that the hooks with which modules rename old keys have their say.
        missing, unexpected = model.load_state_dict(state, strict=False)
    except RuntimeError as exc:
        wrong_shape = re.findall(r'size mismatch for (\S+):', str(exc))
        missing = sorted(model.state_dict().keys() - state.keys())
        unexpected = sorted(state.keys() - model.state_dict().keys())
    missing = [key for key in missing if _BATCH_COUNTER not in key]
    if not missing and not wrong_shape:
        return
    total = sum(_BATCH_COUNTER not in key for key in model.state_dict())
    findings = (
        (missing, 'are missing'),
        (wrong_shape, 'have another shape'),
        (list(unexpected), 'keys of the checkpoint are unknown to it'),
    )
    raise RunError(
        f"the checkpoint '{filename}' is not one of this model: of its {total} weights "
        + '; '.join(f'{len(keys)} {what} ({_first(keys)})' for keys, what in findings if keys)
    )


def _first(keys: list[str]) -> str:
    return ', '.join(keys[:_SHOWN]) + (', ...' if len(keys) > _SHOWN else '')

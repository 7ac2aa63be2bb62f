"""mmengine's runner with the checks that it lacks."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from spikedense.checks.dataset import with_checks
from spikedense.checks.named_samples import name_samples
from spikedense.checks.pretraining import reduced_rate
from spikedense.checks.resume import check_resume
from spikedense.deploy import as_saved, is_twin
from spikedense.errors import UserError
from spikedense.utils.files import complete_or_absent
from spikedense.utils.unwrap import unwrap
from spikedense.weights import Checkpoint, fill, read_checkpoint, read_state_dict

from .log_filter import ScreenFilter
from .run_checks import ModelCheckHook, PretrainingHook, StartHook, WeightCheckHook
from .spike_inference_hook import replace_model

_DATA_KEYS = ('data_root', 'data_prefix', 'ann_file', 'img_suffix')


class GuardedRunner(Runner):
    """A runner that refuses what mmengine accepts silently.

    Each method overrides a method of mmengine, because mmengine calls no hook at that point.

    Attributes:
        start_hook: Notes whether an iteration has begun.
        weight_hook: Compares checkpoints with the model; strict on request.
        pretraining_hook: Warns of a slow backbone without weights.
        saved: Paths of the checkpoints that this run has written.
        twin_loaded: Whether the model became a spike-driven twin, because the checkpoint is one.
    """

    start_hook: StartHook
    weight_hook: WeightCheckHook
    pretraining_hook: PretrainingHook
    saved: tuple[str, ...] = ()
    twin_loaded: bool = False
    _resuming: bool = False

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger, and keep the config and the environment from the screen.

        mmengine logs both before it calls the first hook.

        Args:
            *args: Passed on to mmengine.
            **kwargs: Passed on to mmengine.

        Returns:
            The logger.
        """
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(ScreenFilter())
            elif is_main_process():
                print(f'log: {handler.baseFilename}')
        return logger

    def register_hooks(self, *args: Any, **kwargs: Any) -> None:
        """Register the hooks of the config, and the hooks that every run has.

        A config can replace or remove default hooks and custom hooks, but not these.

        Args:
            *args: Passed on to mmengine.
            **kwargs: Passed on to mmengine.
        """
        super().register_hooks(*args, **kwargs)
        self.start_hook, self.weight_hook = StartHook(), WeightCheckHook()
        self.pretraining_hook = PretrainingHook()
        for hook in (ModelCheckHook(), self.weight_hook, self.start_hook, self.pretraining_hook):
            self.register_hook(hook)

    def build_optim_wrapper(self, optim_wrapper: Any) -> OptimWrapper | OptimWrapperDict:
        """Build the optimizer, and note its rates before mmengine scales and schedules them.

        Args:
            optim_wrapper: An optimizer or its config.

        Returns:
            The optimizer.
        """
        built = super().build_optim_wrapper(optim_wrapper)
        self.pretraining_hook.rates = reduced_rate(self.model, built)
        return built

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict, seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        """Build a loader, and refuse an empty data set and a COCO file with defects.

        Both checks must run while the data set is built: mmengine's sampler searches an empty set
        without end, and mmdet frees a COCO file as soon as it has read it.

        Args:
            dataloader: A loader or its config.
            seed: Seed of the sampler.
            diff_rank_seed: Whether each process has a different seed.

        Returns:
            The loader.

        Raises:
            UserError: The data set is empty, or its file has defects.
        """
        if isinstance(dataloader, dict) and dataloader.get('num_workers') == 0:
            # torch refuses to keep workers that do not exist.
            dataloader = {**dataloader, 'persistent_workers': False}
        checked = dataloader
        if isinstance(dataloader, dict) and 'dataset' in dataloader:
            checked = {**dataloader, 'dataset': with_checks(dataloader['dataset'])}
        loader = None
        try:
            loader = Runner.build_dataloader(checked, seed, diff_rank_seed)
        except ValueError as exc:
            # numpy raises this error when mmengine packs an empty list of samples.
            if 'need at least one array' not in str(exc):
                raise
        if loader is None or len(loader.dataset) == 0:
            raise UserError(_no_image(dataloader))
        name_samples(loader.dataset)
        return loader

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Continue from a checkpoint, if its optimizer and its schedulers are those of the run.

        Args:
            filename: Path or address of the checkpoint.
            *args: Passed on to mmengine.
            **kwargs: Passed on to mmengine.

        Raises:
            UserError: The checkpoint cannot be read, or does not fit.
        """
        self._resuming = True
        super().resume(filename, *args, **kwargs)
        self._resuming = False
        done, wanted = self.iter, self.max_iters
        if done >= wanted:
            self.logger.warning(
                f"'{filename}' has all {wanted} iterations of train_cfg: nothing is left to train"
            )

    def load_checkpoint(self, filename: str, map_location: Any = 'cpu') -> Checkpoint:
        """Load the weights that fit the model; :class:`WeightCheckHook` decides whether to load.

        mmengine's own method raises no ``UserError`` if it cannot read a file, and prints each key
        that does not fit.

        Args:
            filename: Path or address of the checkpoint.
            map_location: Not read. mmengine names the device of the model, but the content of the
                file stays on the CPU: models and optimizers copy it to their own device.

        Returns:
            The content of the file.

        Raises:
            UserError: The file cannot be read, or does not fit the model.
        """
        checkpoint = read_checkpoint(filename)
        if is_twin(checkpoint):
            if isinstance(self._train_loop, BaseLoop):
                raise UserError(
                    f"'{filename}' is the checkpoint of a spike-driven twin, which cannot be "
                    'trained, expected the checkpoint of the model'
                )
            replace_model(self, as_saved(unwrap(self.model), checkpoint))
            self.twin_loaded = True
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        if self._resuming:
            check_resume(filename, checkpoint, self.optim_wrapper, self.param_schedulers)
        fill(self.model, read_state_dict(checkpoint))
        self._has_loaded = True
        self.logger.info(f'Load checkpoint from {filename}')
        return checkpoint

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Write a checkpoint, completely or not at all.

        mmengine writes to the file itself, so that a killed run leaves a half-written checkpoint.

        Args:
            out_dir: Folder of the checkpoint, or an address.
            filename: Name of the file.
            *args: Passed on to mmengine.
            **kwargs: Passed on to mmengine.
        """
        self.saved = (*self.saved, os.path.join(out_dir, filename))
        if '://' in out_dir:
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
        elif is_main_process():
            with complete_or_absent(Path(out_dir, filename)) as part:
                super().save_checkpoint(out_dir, part.name, *args, **kwargs)


def _no_image(dataloader: DataLoader | dict) -> str:
    """Write the message about an empty data set."""
    dataset = dataloader.get('dataset') if isinstance(dataloader, dict) else dataloader.dataset
    cfg = dataset if isinstance(dataset, Mapping) else {'type': type(dataset).__name__}
    where = ', '.join(f'{key}={cfg[key]!r}' for key in _DATA_KEYS if key in cfg)
    return (
        f'the data set {cfg.get("type", "")} has no image ({where}): check the folders, the '
        'annotation file and the file suffixes in the config'
    )

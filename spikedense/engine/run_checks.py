"""Hooks that every run has. They check model, weights and rates, and note the start."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop

from spikedense.checks.channels import check_first_image, known_channels
from spikedense.checks.loss_lists import check_loss_lists
from spikedense.checks.pretraining import is_pretrained
from spikedense.checks.widths import check_widths
from spikedense.errors import UserError
from spikedense.weights import (
    Checkpoint,
    check,
    keep_settings,
    other_settings,
    read_state_dict,
    tell_sizes,
)


class ModelCheckHook(Hook):
    """Refuse a model whose parts do not fit each other or the first image."""

    priority = 'HIGHEST'

    def before_run(self, runner: Any) -> None:
        """Check that the parts of the model fit each other.

        Args:
            runner: The runner.

        Raises:
            UserError: The parts do not fit.
        """
        self.channels = known_channels(runner.model)
        check_widths(runner.model)
        check_loss_lists(runner.model)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Check the channels of the first image that the model gets.

        Args:
            runner: The runner.
            batch_idx: Index of the batch.
            data_batch: The batch as loaded.

        Raises:
            UserError: The image has another number of channels than the model reads.
        """
        if batch_idx == 0:
            check_first_image(runner.model, data_batch, self.channels)

    # A test and a validation start the same way.
    before_val_iter = before_test_iter = before_train_iter


class WeightCheckHook(Hook):
    """Refuse a checkpoint that does not fit the model.

    Attributes:
        strict: Whether every weight must fit, and every setting must be that of the checkpoint.
            Otherwise one fitting weight is enough, and the log names what does not fit.
        accepted_by: End of a sentence: which option accepts other settings.
    """

    # Run before hooks that change a checkpoint, for example that of a moving average.
    priority = 'HIGHEST'

    def __init__(self) -> None:
        self.strict = False
        self.accepted_by = ''

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Add the settings that no weight shows.

        Args:
            runner: The runner.
            checkpoint: Content of the file, changed in place.
        """
        keep_settings(runner.model, checkpoint['meta'])

    def after_load_checkpoint(self, runner: Any, checkpoint: Checkpoint) -> None:
        """Check the content of a file before the model takes it.

        Args:
            runner: The runner.
            checkpoint: Content of the file.

        Raises:
            UserError: The checkpoint does not fit.
        """
        source = checkpoint.source
        fit = check(runner.model, read_state_dict(checkpoint), source, strict=self.strict)
        if not fit.exact:
            runner.logger.warning(f"the checkpoint '{source}' fits in part, {fit.describe()}")
        tell_sizes(runner.model, checkpoint)
        found = other_settings(runner.model, checkpoint, self._classes(runner))
        if found:
            said = f"the weights of '{source}' were trained with other settings: " + '; '.join(
                found
            )
            if self.strict:
                raise UserError(f'{said}; expected those of the checkpoint{self.accepted_by}')
            runner.logger.warning(said)

    def _classes(self, runner: Any) -> Any:
        """Return the names of the classes of the data that the run judges, or trains on."""
        for name in ('test', 'val', 'train'):
            loop = getattr(runner, f'_{name}_loop', None)
            if isinstance(loop, BaseLoop):
                return getattr(loop.dataloader.dataset, 'metainfo', {}).get('classes')
        return None


class PretrainingHook(Hook):
    """Warn of a backbone that starts from random weights at a reduced learning rate.

    Attributes:
        rates: The rate of the backbone and that of the optimizer, or None if the backbone has no
            reduced rate.
    """

    def __init__(self) -> None:
        self.rates: tuple[float, float] | None = None

    def before_train(self, runner: Any) -> None:
        """Warn, unless a file has given weights.

        Args:
            runner: The runner.
        """
        if self.rates is None or runner._has_loaded or is_pretrained(runner.model):
            return
        rate, full = self.rates
        runner.logger.warning(
            f'the backbone has random weights, but its learning rate is {rate:g}, {rate / full:g} '
            f'of the rate {full:g}, as for pretrained weights: give it weights with '
            '--cfg-options model.backbone.init_cfg.type=Pretrained '
            'model.backbone.init_cfg.checkpoint=FILE (or load_from=FILE), or give it the full rate '
            'in optim_wrapper.paramwise_cfg'
        )


class StartHook(Hook):
    """Note whether a first iteration has begun.

    Attributes:
        started: Whether an iteration has begun. If not, the work dir can be deleted.
    """

    # Run before a hook that may fail in the first iteration.
    priority = 'HIGHEST'

    def __init__(self) -> None:
        self.started = False

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Note the start of a training.

        Args:
            runner: Not read.
            batch_idx: Not read.
            data_batch: Not read.
        """
        self.started = True

    # A test and a validation start the same way.
    before_val_iter = before_test_iter = before_train_iter

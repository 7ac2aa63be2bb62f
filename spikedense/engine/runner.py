"""mmengine's runner with the checks that it leaves out."""

import io
import logging
import os
import re
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from typing import Any, cast

from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn
from torch.utils.data import DataLoader

from spikedense.checks.dataset import with_checks
from spikedense.checks.model import check_classes, check_widths
from spikedense.converters import is_official, read_state_dict
from spikedense.errors import UserError as RunError
from spikedense.utils.wording import some_of

_DATA_KEYS = ('data_root', 'data_prefix', 'ann_file', 'img_suffix')
_BATCH_COUNTER = 'num_batches_tracked'
#: What torch says of a weight: its name, the shape in the checkpoint, the shape in the model.
_SIZE_MISMATCH = re.compile(r'size mismatch for (\S+): .*?Size\((.*?)\).*?Size\((.*?)\)')
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


class GuardedRunner(Runner):
    """A runner that refuses what mmengine lets pass silently.

    - An empty data set (mmengine's infinite sampler would search for an image forever), and a COCO
      file with defects that mmdet does not name.
    - A model whose parts do not fit each other, or with too few classes for its training set.
    - A checkpoint of which no weight fits the model; with ``strict_loading`` one that does not fill
      the model, or holds more than it in one of its parts.
    - A checkpoint is written beside its place and then renamed, so that a killed run never leaves
      half a file under a checkpoint's name.

    ``started`` tells whether a first iteration has begun: before that, nothing is worth keeping.
    ``saved`` lists the checkpoints that this run has written.
    """

    strict_loading = False
    started = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.saved: list[str] = []
        super().__init__(*args, **kwargs)

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

    def build_model(self, model: Any) -> nn.Module:
        """Build the model, and see that its parts fit each other.

        Args:
            model: A model or its config.

        Returns:
            The model.
        """
        built = super().build_model(model)
        check_widths(built)
        return built

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict, seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        """Build a loader, and see that its data set holds something, and a COCO file no defects.

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
        checked = dataloader
        if isinstance(dataloader, dict) and 'dataset' in dataloader:
            checked = {**dataloader, 'dataset': with_checks(dataloader['dataset'])}
        loader = None
        try:
            loader = Runner.build_dataloader(checked, seed, diff_rank_seed)
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
        if fn_name == 'before_train':
            check_classes(self.model, self.train_dataloader.dataset)
        if fn_name in ('before_train_iter', 'before_val_iter', 'before_test_iter'):
            self.started = True
        super().call_hook(fn_name, **kwargs)

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict:
        """Load weights, unless the checkpoint is of another model.

        Without ``strict_loading`` a part is enough, and the log says which part it is.

        Args:
            filename: Path or address of the checkpoint.
            *args: Passed on to mmengine.
            **kwargs: Passed on to mmengine.

        Returns:
            The checkpoint.
        """
        fit = compare_weights(self.model, read_checkpoint(filename), filename)
        if not fit.exact:
            if self.strict_loading:
                raise RunError(
                    f"the checkpoint '{filename}' does not fit the model, {fit.describe()}"
                )
            self.logger.warning(f"the checkpoint '{filename}' fits in part, {fit.describe()}")
        # mmengine would print once more, key by key, what the warning sums up.
        with redirect_stdout(io.StringIO()):
            return super().load_checkpoint(filename, *args, **kwargs)

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Write a checkpoint under another name, then rename it.

        Args:
            out_dir: Folder of the checkpoint.
            filename: Its name.
            *args: Passed on to mmengine.
            **kwargs: Passed on to mmengine.
        """
        self.saved.append(os.path.join(out_dir, filename))
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
        if '://' in filename and isinstance(exc, OSError):
            raise RunError(
                f"cannot fetch the checkpoint '{filename}' ({exc}), expected an address that "
                'answers, or the path of a file'
            ) from exc
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


@dataclass(frozen=True)
class WeightFit:
    """How a checkpoint fits a model; counters of batches are no weights.

    Args:
        total: Number of the model's weights.
        missing: Weights of the model that the checkpoint lacks.
        wrong_shape: Weights that it has in another shape, with both shapes.
        unknown: Its keys below a part of the model, ``neck.`` say, that the part does not have.
            A part that the model lacks altogether (an auxiliary head) is no fault.
    """

    total: int
    missing: list[str]
    wrong_shape: list[str]
    unknown: list[str]

    @property
    def exact(self) -> bool:
        """Whether every weight is there, in its shape, and nothing else."""
        return not (self.missing or self.wrong_shape or self.unknown)

    def describe(self) -> str:
        """What does not fit, as the second half of a sentence."""
        findings = (
            ('weights missing', f' of {self.total}', self.missing),
            ('of another shape', f' of {self.total}', self.wrong_shape),
            ('keys unknown to the model', '', self.unknown),
        )
        return '; '.join(
            f'{what}: {len(keys)}{total} ({some_of(keys)})'
            for what, total, keys in findings
            if keys
        )


def compare_weights(model: nn.Module, checkpoint: dict, filename: str) -> WeightFit:
    """Hold a checkpoint against a model.

    Args:
        model: The model, wrapped or not; what fits is loaded.
        checkpoint: A checkpoint or a bare state dict.
        filename: Its name, for the message.

    Returns:
        How it fits.

    Raises:
        RunError: Not one weight fits.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = cast(nn.Module, model.module)
    state = checkpoint.get('state_dict', checkpoint)
    state = {re.sub(r'^module\.', '', key): value for key, value in state.items()}
    own = [key for key in model.state_dict() if _BATCH_COUNTER not in key]
    wrong_shape: list[str] = []
    try:
        # A trial load, so that the hooks with which modules rename old keys have their say.
        missing, unexpected = model.load_state_dict(state, strict=False)
    except RuntimeError as exc:
        wrong_shape = [
            f'{key} is {found}, expected {wanted}'
            for key, found, wanted in _SIZE_MISMATCH.findall(str(exc))
            if _BATCH_COUNTER not in key
        ]
        missing = [key for key in own if key not in state]
        unexpected = [key for key in state if key not in model.state_dict()]
    parts = dict(model.named_children())
    fit = WeightFit(
        total=len(own),
        missing=[key for key in missing if _BATCH_COUNTER not in key],
        wrong_shape=wrong_shape,
        unknown=[
            key
            for key in unexpected
            if key.partition('.')[0] in parts and _BATCH_COUNTER not in key
        ],
    )
    if own and len(fit.missing) + len(fit.wrong_shape) >= len(own):
        reason = fit.describe() if wrong_shape else _other_names(checkpoint, state, own)
        raise RunError(f"no weight of the checkpoint '{filename}' fits the model: {reason}")
    return fit


def _other_names(checkpoint: dict, state: dict, own: list[str]) -> str:
    """Why a checkpoint and a model have no name in common."""
    with suppress(ValueError):
        if is_official(read_state_dict(checkpoint)):
            return (
                'it has official keys, which tools/model_converters/official_to_spikedense.py '
                'converts'
            )
    found = f'its keys are {some_of(state)}' if state else 'its state_dict is empty'
    return f'{found}, expected {some_of(own)}'

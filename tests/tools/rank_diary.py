"""A hook that writes down what each process of a training saw and ended up with."""

import json
import os
import signal
from pathlib import Path
from typing import Any

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class RankDiary(Hook):
    """Leaves ``rank<N>.json`` in the work dir: images, and sums of parameters, first and last."""

    def __init__(self) -> None:
        self.images: list[str] = []
        self.start: dict[str, float] = {}

    def before_train(self, runner: Any) -> None:
        """Note what the training starts from."""
        self.start = _sums(runner)

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any, outputs: Any) -> None:
        """Note the images of a batch; the second process of a first start may be told to die."""
        dies = os.environ.get('DIES_AFTER') == str(runner.iter + 1) and get_rank() == 1
        if dies and os.environ['TORCHELASTIC_RESTART_COUNT'] == '0':
            os.kill(os.getpid(), signal.SIGKILL)
        self.images += [Path(sample.img_path).name for sample in data_batch['data_samples']]

    def after_train(self, runner: Any) -> None:
        """Write the diary."""
        diary = dict(images=self.images, start=self.start, sums=_sums(runner))
        Path(runner.work_dir, f'rank{get_rank()}.json').write_text(json.dumps(diary))


def _sums(runner: Any) -> dict[str, float]:
    """A sum for each parameter."""
    named = runner.model.module.named_parameters()
    return {key: value.double().sum().item() for key, value in named}

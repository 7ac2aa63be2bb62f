"""A hook that writes down what each process of a training saw and ended up with."""

import json
from pathlib import Path
from typing import Any

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class RankDiary(Hook):
    """Leaves ``rank<N>.json`` in the work dir: names of images, and a sum for each parameter."""

    def __init__(self) -> None:
        self.images: list[str] = []

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any, outputs: Any) -> None:
        """Note the images of a batch."""
        self.images += [Path(sample.img_path).name for sample in data_batch['data_samples']]

    def after_train(self, runner: Any) -> None:
        """Write the diary."""
        named = runner.model.module.named_parameters()
        sums = {key: value.double().sum().item() for key, value in named}
        diary = dict(images=self.images, sums=sums)
        Path(runner.work_dir, f'rank{get_rank()}.json').write_text(json.dumps(diary))

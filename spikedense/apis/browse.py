"""Pictures of what a network gets: images after augmentation, with their labels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import VISUALIZERS, init_default_scope
from mmengine.structures import BaseDataElement, PixelData

from spikedense.checks.config import library_of
from spikedense.checks.outputs import check_outputs_of_run
from spikedense.engine import GuardedRunner
from spikedense.errors import UserError
from spikedense.utils.output_names import name_of
from spikedense.visualization.shown_image import displayable
from spikedense.visualization.visualizer import set_visualizer

SETS = ('train', 'val', 'test')
_READABLE = 300  # pixels of the shorter side


def browse(cfg: Config, show_dir: str, which: str = 'train', number: int = 16) -> Iterator[Path]:
    """Draw samples of a data set with their labels, by the visualizer of the config.

    The samples lie evenly spread over the set. They are drawn as the pipeline returns them: after
    augmentation, before normalisation and padding. Small samples are enlarged, so that the names of
    the classes fit.

    Args:
        cfg: A config of mmseg, mmdet or mmpretrain.
        show_dir: Folder of the pictures. It is created if it does not exist.
        which: ``train``, ``val`` or ``test``.
        number: The largest number of samples.

    Yields:
        The path of each picture, when it is written.

    Raises:
        UserError: The config has no such data set, or its data cannot be used.
    """
    loader = cfg.get(f'{which}_dataloader')
    if loader is None:
        raise UserError(f"'{cfg.filename}' has no {which}_dataloader")
    if number < 1:
        raise UserError(f'{number} samples, expected at least 1')
    check_outputs_of_run(cfg, {'--show-dir': show_dir}, {})
    set_visualizer(cfg)
    # The pictures are written here. A backend would warn that it has no folder.
    cfg.visualizer.pop('vis_backends', None)
    init_default_scope(library_of(cfg))
    dataset: Any = GuardedRunner.build_dataloader({**loader, 'num_workers': 0}).dataset
    visualizer = VISUALIZERS.build(cfg.visualizer)
    visualizer.dataset_meta = dataset.metainfo
    count = min(number, len(dataset))
    for index in np.linspace(0, len(dataset) - 1, count).round().astype(int):
        item = dataset[int(index)]
        path = Path(show_dir, f'{index:06d}_{_stem(item["data_samples"])}.png')
        _draw(visualizer, item['inputs'], item['data_samples'], path)
        yield path


def _stem(sample: BaseDataElement) -> str:
    path = sample.metainfo.get('img_path')
    return name_of(path) if path else 'image'


def _draw(visualizer: Any, image: torch.Tensor, sample: Any, path: Path) -> None:
    """Write the picture of one sample.

    Args:
        visualizer: The visualizer of the library.
        image: What the pipeline returns, ``[C, H, W]``, with channels as OpenCV orders them.
        sample: Its labels; changed.
        path: The picture.
    """
    pixels = displayable(image.permute(1, 2, 0).numpy())  # [H, W, 3]
    factor = -(-_READABLE // min(pixels.shape[:2]))
    pixels = np.ascontiguousarray(_enlarged(pixels, factor, (0, 1)))
    path.parent.mkdir(parents=True, exist_ok=True)
    if hasattr(visualizer, 'visualize_cls'):
        visualizer.visualize_cls(pixels, sample, out_file=str(path))
        return
    if 'gt_sem_seg' in sample:
        labels = sample.gt_sem_seg.sem_seg if 'sem_seg' in sample.gt_sem_seg else None
        labels = sample.gt_sem_seg.data if labels is None else labels  # [1, H, W]
        name = 'sem_seg' if 'sem_seg' in sample.gt_sem_seg else 'data'
        large = torch.from_numpy(_enlarged(labels.numpy(), factor, (1, 2)))
        sample.gt_sem_seg = PixelData(**{name: large})
    if 'gt_instances' in sample:
        sample.gt_instances = _drawable(sample.gt_instances, factor)
    visualizer.add_datasample(path.stem, pixels, sample, draw_pred=False, out_file=str(path))


def _enlarged(array: np.ndarray, factor: int, axes: tuple[int, int]) -> np.ndarray:
    for axis in axes:
        array = array.repeat(factor, axis)
    return array


def _drawable(instances: Any, factor: int) -> Any:
    """Return instances with boxes and masks as mmdet's visualizer takes them, enlarged."""
    boxes = instances.get('bboxes')
    if boxes is not None:
        instances.bboxes = getattr(boxes, 'tensor', boxes) * factor
    masks = instances.get('masks')
    if masks is not None:
        instances.masks = _enlarged(masks.to_ndarray().astype(bool), factor, (1, 2))
    return instances

"""Reads a COCO file for a data set of mmdet, checked, and looks for its images."""

import os
from logging import WARNING
from typing import Any

from mmcv.transforms import LoadImageFromFile
from mmengine.logging import print_log
from PIL import Image

from spikedense.utils.wording import some_of

from .coco_check import CocoError, CocoUse, Findings, check_coco, check_labels

_SIZES_READ = 64  # images of which the size is compared: a wrong scale shows in all of them
_ORIENTATION = 0x112  # EXIF tag
_ON_THEIR_SIDE = range(5, 9)  # values of it that swap height and width


class CheckedReader:
    """Stands in for the ``COCOAPI`` of one data set.

    Args:
        dataset: The data set, which has not yet read its file.
    """

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._api = dataset.COCOAPI
        self._use = _use_of(dataset)
        self._categories: list[dict] = []
        self._findings: Findings | None = None

    def __call__(self, path: str) -> Any:
        """Parse the file, check it, and build its index.

        Args:
            path: A local file.

        Returns:
            An instance of the data set's ``COCOAPI``.

        Raises:
            CocoError: The file has faults.
        """
        check = self._check

        class Checked(self._api):  # type: ignore[name-defined]
            def createIndex(self) -> None:
                check(self.dataset)
                super().createIndex()

        return Checked(path)

    def report(self) -> None:
        """Log what mmdet left out, after a look at the labels that it gave.

        Raises:
            CocoError: A label is not that of its class.
        """
        if self._findings is None:
            return  # a data set that reads its file by other means
        check_labels(self._categories, self._dataset.cat2label, self._use)
        if line := self._findings.skips():
            print_log(line, logger='current')
        for line in self._findings.warnings():
            print_log(line, logger='current', level=WARNING)

    def _check(self, content: Any) -> None:
        self._findings = check_coco(content, self._use)
        self._categories = content['categories']
        # With `indices` a few of the images are used, and which ones is not known here.
        if self._dataset._indices is None:
            _check_files(self._dataset, self._findings.used_images, self._use.panoptic)


def _use_of(dataset: Any) -> CocoUse:
    mask_loaders = [s for s in dataset.pipeline.transforms if getattr(s, 'with_mask', False)]
    filter_cfg = dataset.filter_cfg or {}
    return CocoUse(
        file=dataset.ann_file,
        classes=dataset.metainfo.get('classes', ()),
        # mmdet's own distinction: ids of segments may stand in two images, those of instances not.
        panoptic=not dataset.ANN_ID_UNIQUE,
        masks=bool(mask_loaders),
        rle=all(getattr(step, 'poly2mask', True) for step in mask_loaders),
        test_mode=dataset.test_mode,
        filter_empty=filter_cfg.get('filter_empty_gt', False),
        min_size=filter_cfg.get('min_size', 0),
    )


def _check_files(dataset: Any, images: list[dict], panoptic: bool) -> None:
    """See that images, and PNGs of segments, are there, and that some have the size of the file."""
    steps = dataset.pipeline.transforms
    local = [step for step in steps if not getattr(step, 'backend_args', None)]
    names = [image['file_name'] for image in images]
    if any(isinstance(step, LoadImageFromFile) and not step.ignore_empty for step in local):
        _check_folder(dataset, 'img', names, images)
    if panoptic and any(getattr(step, 'with_mask', False) for step in local):
        _check_folder(dataset, 'seg', [name.replace('.jpg', '.png') for name in names], images)


def _check_folder(dataset: Any, key: str, names: list[str], images: list[dict]) -> None:
    folder = dataset.data_prefix.get(key) or ''
    if '://' in folder:
        return
    paths = [os.path.join(folder, name) for name in names]
    # One listing a folder: on a network disk, asking for 118,000 files one by one takes minutes.
    listed = {path: _names_in(path) for path in {os.path.dirname(path) for path in paths}}
    absent = [path for path in paths if os.path.basename(path) not in listed[os.path.dirname(path)]]
    if absent:
        raise CocoError(
            f"{len(absent)} of {len(paths)} files that '{dataset.ann_file}' needs in "
            f"data_prefix.{key}='{folder}' do not exist: {some_of(absent)}"
        )
    step = len(paths) // _SIZES_READ + 1
    for image, path in zip(images[::step], paths[::step], strict=True):
        sizes = _sizes(path)
        if sizes and (image['height'], image['width']) not in sizes:
            raise CocoError(
                f"'{dataset.ann_file}': image {image['id']} has height={image['height']} and "
                f"width={image['width']}, expected {sizes[0][0]} and {sizes[0][1]} as '{path}'"
            )


def _names_in(folder: str) -> set[str]:
    try:
        return set(os.listdir(folder or '.'))
    except (FileNotFoundError, NotADirectoryError):
        return set()


def _sizes(path: str) -> list[tuple[int, int]]:
    """Height and width of an image file; also swapped where EXIF lays it on its side."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            on_its_side = image.getexif().get(_ORIENTATION) in _ON_THEIR_SIDE
    except OSError:  # Pillow does not know the format; mmcv may
        return []
    return [(height, width), (width, height)] if on_its_side else [(height, width)]

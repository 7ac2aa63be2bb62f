"""The reader that gives mmdet's data sets a checked COCO file, and looks for the images of it."""

from concurrent.futures import ThreadPoolExecutor
from logging import WARNING
from typing import Any

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine.logging import print_log
from PIL import Image

from spikedense.errors import UserError
from spikedense.utils.wording import some_of

from .coco import check_coco, check_labels
from .coco_findings import CocoUse, Findings
from .orientation import StoredImage, describe_turned, follows_exif, open_header
from .parts import absent_files, is_local, spread


class CheckedReader:
    """The replacement of the ``COCOAPI`` of one data set.

    Args:
        dataset: The data set. Its file has not been read yet.
        opened: Number of images whose size is compared, because a wrong scale concerns all images
            of a file; None means all.
    """

    def __init__(self, dataset: Any, opened: int | None) -> None:
        self._dataset = dataset
        self._opened = opened
        self._api = dataset.COCOAPI
        self._use = _use_of(dataset)
        self._categories: list[dict] = []
        self._findings: Findings | None = None
        # report() reads all entries again. Reading packed entries one by one takes as long as
        # reading the file, so the data set leaves them unpacked and report() packs them.
        self._packs = dataset.serialize_data and not dataset._fully_initialized
        if self._packs:
            dataset.serialize_data = False

    def __call__(self, path: str) -> Any:
        """Parse a file, check the content, and build the index.

        Args:
            path: A local file.

        Returns:
            An instance of the data set's ``COCOAPI``.

        Raises:
            UserError: The file has faults.
        """
        check = self._check

        class Checked(self._api):  # type: ignore[name-defined]
            def createIndex(self) -> None:
                check(self.dataset)
                super().createIndex()

        return Checked(path)

    def report(self) -> None:
        """Check the labels and files that the data set has found, and log what mmdet left out.

        The data set must have read its file. Afterwards the data set has the same state as without
        a check.

        Raises:
            UserError: A category has the label of another class, or an image or PNG cannot be used.
        """
        # Without findings the data set has read its file without a COCOAPI.
        if self._findings is not None:
            check_labels(self._categories, self._dataset.cat2label, self._use)
            # These are not the names in the file: Objects365 and others change or drop some.
            _check_files(self._dataset, self._use, self._opened)
            self._log(self._findings)
        if self._packs:
            self._dataset.serialize_data = True
            packed = self._dataset._serialize_data()
            self._dataset.data_bytes, self._dataset.data_address = packed

    def _log(self, findings: Findings) -> None:
        if line := findings.skips():
            print_log(line, logger='current')
        for line in findings.warnings():
            print_log(line, logger='current', level=WARNING)

    def _check(self, content: Any) -> None:
        self._findings = check_coco(content, self._use)
        self._categories = content['categories']


def _use_of(dataset: Any) -> CocoUse:
    mask_loaders = [s for s in dataset.pipeline.transforms if getattr(s, 'with_mask', False)]
    filter_cfg = dataset.filter_cfg or {}
    return CocoUse(
        file=dataset.ann_file,
        classes=dataset.metainfo.get('classes', ()),
        # mmdet tells the two kinds apart in the same way: only ids of instances are unique.
        panoptic=not dataset.ANN_ID_UNIQUE,
        masks=bool(mask_loaders),
        rle=all(getattr(step, 'poly2mask', True) for step in mask_loaders),
        test_mode=dataset.test_mode,
        filter_empty=filter_cfg.get('filter_empty_gt', False),
        min_size=filter_cfg.get('min_size', 0),
    )


def _check_files(dataset: Any, use: CocoUse, opened: int | None) -> None:
    """Check that images and PNGs of segments exist, and compare the sizes of some images."""
    steps = dataset.pipeline.transforms
    local = [step for step in steps if not getattr(step, 'backend_args', None)]
    loader = next((s for s in local if isinstance(s, LoadImageFromFile)), None)
    if loader is not None and not loader.ignore_empty:
        headers = _check_paths(dataset, 'img', 'img_path', opened)
        turned = [image for image, size in headers if image.is_doubtful(size)]
        if turned and follows_exif(loader):
            line = describe_turned(
                turned,
                f"the {len(headers)} images that were opened of '{dataset.ann_file}'",
                'boxes and masks',
                loader,
            )
            print_log(line, logger='current', level=WARNING)
    if use.panoptic and any(getattr(step, 'with_mask', False) for step in local):
        # mmdet's loader reads no PNGs in a test set without this folder.
        if not use.test_mode and not dataset.data_prefix.get('seg'):
            raise UserError(
                f"data_prefix has no 'seg', expected the folder of the PNGs of '{dataset.ann_file}'"
            )
        _check_paths(dataset, 'seg', 'seg_map_path', opened)
        if not use.test_mode:  # the PNGs of a test are read by the metric, which is checked
            entries = [entry for entry in dataset.data_list if is_local(entry['seg_map_path'])]
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(_check_segments, spread(entries, opened)))


def _check_segments(entry: dict) -> None:
    """Check that the segments of an image have pixels, of which mmdet makes empty masks."""
    path = entry['seg_map_path']
    try:
        with Image.open(path) as png:
            red, green, blue = np.moveaxis(np.asarray(png.convert('RGB'), np.int32), -1, 0)
    except OSError as exc:
        raise UserError(f"'{path}' cannot be read as an image") from exc
    found = set(np.unique(red + 256 * green + 256 * 256 * blue).tolist())
    absent = [segment['id'] for segment in entry['segments_info'] if segment['id'] not in found]
    if absent:
        raise UserError(
            f'{len(absent)} of the {len(entry["segments_info"])} segments of '
            f"'{entry['img_path']}' have no pixel in '{path}', as segment {absent[0]}, expected "
            'the PNG of the image with R + 256 G + 65536 B as the id of a segment'
        )


def _check_paths(
    dataset: Any, prefix: str, key: str, opened: int | None
) -> list[tuple[StoredImage, tuple]]:
    """Check that files exist and have the size of their entries; return those that were opened."""
    entries = [entry for entry in dataset.data_list if is_local(entry.get(key))]
    paths = [entry[key] for entry in entries]
    absent = absent_files(paths)
    if absent:
        raise UserError(
            f"{len(absent)} of {len(paths)} files that '{dataset.ann_file}' needs in data_prefix."
            f"{prefix}='{dataset.data_prefix.get(prefix)}' do not exist: {some_of(absent)}"
        )
    headers = []
    for entry in spread(entries, opened):
        size = entry.get('height'), entry.get('width')
        if None in size or (image := open_header(entry[key])) is None:
            continue
        if size not in image.sizes:
            height, width = image.size
            raise UserError(
                f"'{dataset.ann_file}': image {entry.get('img_id')} has height={size[0]} and "
                f"width={size[1]}, expected {height} and {width} as '{entry[key]}'"
            )
        headers.append((image, size))
    return headers

"""Data sets of action recognition in their official layouts, the videos as folders of frames."""

import os.path as osp
import re
from collections.abc import Iterator
from typing import Any

from mmengine.fileio import list_dir_or_file, load

from spikedense.errors import UserError
from spikedense.registry import DATASETS

from .frame_lists import FrameListDataset, Video

_SPLITS = (1, 2, 3)


@DATASETS.register_module()
class UCF101Frames(FrameListDataset):
    """UCF101 (101 classes, 13,320 clips, 3 splits), frames in ``CLASS/VIDEO/img_00001.jpg``.

    Args:
        ann_file: ``trainlist01.txt`` or ``testlist01.txt`` (02, 03), with ``classInd.txt`` beside
            it.
        **kwargs: Other arguments of :class:`FrameListDataset`.
    """

    def class_names(self) -> tuple[str, ...]:
        """See :meth:`FrameListDataset.class_names`; a line is ``NUMBER NAME``."""
        index = self.lines(osp.join(osp.dirname(self.ann_file), 'classInd.txt'))
        return tuple(line.split()[-1] for line in index)

    def videos(self) -> Iterator[Video]:
        """See :meth:`FrameListDataset.videos`; the class of a video is its folder."""
        labels = self.class_to_idx
        for line in self.lines(self.ann_file):
            name, _, video = osp.splitext(line.split()[0])[0].partition('/')
            if name not in labels:
                raise UserError(
                    f"'{self.ann_file}' names the class '{name}', which classInd.txt lacks"
                )
            yield Video(f'{name}/{video}', None, labels[name])


@DATASETS.register_module()
class HMDB51Frames(FrameListDataset):
    """HMDB51 (51 classes, 6,766 clips, 3 splits), frames in ``CLASS/VIDEO/img_00001.jpg``.

    Args:
        ann_file: The folder of the official files ``CLASS_test_split1.txt``, whose lines are
            ``VIDEO.avi 1`` (training), ``2`` (test) or ``0`` (neither).
        split: 1, 2 or 3.
        train: Whether the videos are those of the training.
        **kwargs: Other arguments of :class:`FrameListDataset`.
    """

    def __init__(self, ann_file: str, split: int = 1, train: bool = True, **kwargs: Any) -> None:
        if split not in _SPLITS:
            raise UserError(f'HMDB51Frames: split={split!r}, expected one of {_SPLITS}')
        self.split, self.train = split, train
        super().__init__(ann_file, **kwargs)

    def class_names(self) -> tuple[str, ...]:
        """See :meth:`FrameListDataset.class_names`; each class has a file."""
        ending = f'_test_split{self.split}.txt'
        found = []
        if osp.isdir(self.ann_file):
            found = sorted(list_dir_or_file(self.ann_file, list_dir=False, suffix=ending))
        if not found:
            raise UserError(
                f"HMDB51Frames: no file *{ending} in '{self.ann_file}', expected one for each class"
            )
        return tuple(name.removesuffix(ending) for name in found)

    def videos(self) -> Iterator[Video]:
        """See :meth:`FrameListDataset.videos`."""
        wanted = '1' if self.train else '2'
        for label, name in enumerate(self.CLASSES):
            for line in self.lines(osp.join(self.ann_file, f'{name}_test_split{self.split}.txt')):
                video, tag = line.rsplit(maxsplit=1)
                if tag == wanted:
                    yield Video(f'{name}/{osp.splitext(video)[0]}', None, label)


@DATASETS.register_module()
class SomethingV2Frames(FrameListDataset):
    """Something-Something V2 (174 classes), frames in ``ID/img_00001.jpg``.

    Args:
        ann_file: ``train.json`` or ``validation.json``, with ``labels.json`` beside it; both may
            have a common prefix, as ``something-something-v2-``.
        **kwargs: Other arguments of :class:`FrameListDataset`.
    """

    def class_names(self) -> tuple[str, ...]:
        """See :meth:`FrameListDataset.class_names`; ``labels.json`` has a number for each name."""
        folder, name = osp.split(self.ann_file)
        labels = self._read(osp.join(folder, re.sub('train|validation', 'labels', name)))
        return tuple(sorted(labels, key=lambda key: int(labels[key])))

    def videos(self) -> Iterator[Video]:
        """See :meth:`FrameListDataset.videos`; a template without brackets is a class."""
        labels = self.class_to_idx
        for entry in self._read(self.ann_file):
            name = re.sub(r'[\[\]]', '', entry['template'])
            if name not in labels:
                raise UserError(f"'{self.ann_file}' has the template '{name}', which is no class")
            yield Video(entry['id'], None, labels[name])

    def _read(self, path: str) -> Any:
        if not osp.isfile(path):
            raise UserError(
                f"SomethingV2Frames: no file '{path}', expected the layout in docs/data.md"
            )
        return load(path)

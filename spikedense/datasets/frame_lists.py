"""Videos as folders of frames, each with one label: for action recognition."""

import os.path as osp
from collections.abc import Iterator
from typing import Any, NamedTuple

from mmengine.fileio import exists, list_dir_or_file, list_from_file
from mmpretrain.datasets import BaseDataset

from spikedense.errors import UserError
from spikedense.registry import DATASETS


class Video(NamedTuple):
    """A video.

    Args:
        folder: Folder of its frames, relative to the folder of all videos.
        frames: Number of its frames; None: those in the folder are counted.
        label: Number of its class.
    """

    folder: str
    frames: int | None
    label: int


@DATASETS.register_module()
class FrameListDataset(BaseDataset):
    """Videos in a list of the text form of mmaction2: ``FOLDER NUMBER_OF_FRAMES LABEL`` a line.

    A sample has ``frames``, the paths of all frames of a video in order, and ``gt_label``. A
    transform as :class:`SampleSegments` or :class:`SampleDense` chooses the frames of a clip.

    Args:
        ann_file: The list.
        data_prefix: Folder of the videos.
        frame_name: Name of a frame, with its number in braces.
        first_frame: Number of the first frame.
        **kwargs: Other arguments of mmpretrain's ``BaseDataset``; ``classes`` are the names.
    """

    def __init__(
        self,
        ann_file: str,
        data_prefix: str | dict = '',
        frame_name: str = 'img_{:05d}.jpg',
        first_frame: int = 1,
        **kwargs: Any,
    ) -> None:
        if frame_name == frame_name.format(0):
            raise UserError(
                f'{type(self).__name__}: frame_name={frame_name!r}, expected a name with the '
                "number of the frame in braces, as 'img_{:05d}.jpg'"
            )
        self.frame_name, self.first_frame = frame_name, first_frame
        super().__init__(ann_file=ann_file, data_prefix=data_prefix, **kwargs)

    def videos(self) -> Iterator[Video]:
        """Read the videos of the annotation.

        Raises:
            UserError: A line has another form.
        """
        for number, line in enumerate(self.lines(self.ann_file), start=1):
            folder, *numbers = line.rsplit(maxsplit=2)
            if len(numbers) != 2 or not all(text.isdigit() for text in numbers):
                raise UserError(
                    f"'{self.ann_file}' has the line {number} '{line}', expected 'FOLDER "
                    "NUMBER_OF_FRAMES LABEL'"
                )
            yield Video(folder, int(numbers[0]), int(numbers[1]))

    def class_names(self) -> tuple[str, ...] | None:
        """Return the names of the classes, if the annotation has them and no config gives them."""
        return None

    def lines(self, path: str) -> list[str]:
        """Return the lines of a file that are not empty.

        Raises:
            UserError: The file does not exist.
        """
        if not exists(path):
            raise UserError(
                f"{type(self).__name__}: no file '{path}', expected the layout in docs/data.md"
            )
        return [line.strip() for line in list_from_file(path) if line.strip()]

    def load_data_list(self) -> list[dict[str, Any]]:
        """List the videos.

        Returns:
            Folder, number of frames and label of each video; the paths would need much memory.

        Raises:
            UserError: There is no video, one has no frames, or a label has no class.
        """
        if self.CLASSES is None and (names := self.class_names()) is not None:
            self._metainfo['classes'] = names
        classes = self.CLASSES
        samples = []
        for video in self.videos():
            folder = osp.join(self.img_prefix, video.folder)
            number = self._count(folder) if video.frames is None else video.frames
            if not number:
                raise UserError(
                    f"{type(self).__name__}: the video '{folder}' has no frame, expected "
                    f"'{self.frame_name.format(self.first_frame)}' and those behind it"
                )
            if classes is not None and video.label >= len(classes):
                raise UserError(
                    f"{type(self).__name__}: the video '{folder}' has the label {video.label}, "
                    f'expected one of 0..{len(classes) - 1}'
                )
            samples.append(dict(folder=folder, num_frames=number, gt_label=video.label))
        if not samples:
            raise UserError(f"{type(self).__name__}: no video in '{self.ann_file}'")
        return samples

    def _count(self, folder: str) -> int:
        """Count the frames of a folder; 0 if the first one does not exist."""
        if not exists(osp.join(folder, self.frame_name.format(self.first_frame))):
            return 0
        ending = osp.splitext(self.frame_name)[1]
        return sum(1 for _ in list_dir_or_file(folder, list_dir=False, suffix=ending))

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return a sample with the paths of its frames.

        Args:
            idx: Number of the sample.
        """
        sample = super().get_data_info(idx)
        numbers = range(self.first_frame, self.first_frame + sample.pop('num_frames'))
        folder = sample.pop('folder')
        return {**sample, 'frames': [osp.join(folder, self.frame_name.format(i)) for i in numbers]}

"""Clips cut out of folders of frames, for semantic segmentation."""

import os.path as osp
from collections import defaultdict
from pathlib import Path
from typing import Any

from mmengine.fileio import list_dir_or_file, list_from_file
from mmseg.datasets import BaseSegDataset

from spikedense.errors import UserError
from spikedense.registry import DATASETS

LABEL_FRAMES = ('key', 'all')


@DATASETS.register_module()
class ClipDataset(BaseSegDataset):
    """Clips of T frames from videos, which are folders of frames (the layout of DAVIS).

    ``data_prefix['img_path']/VIDEO/00000.jpg`` are the frames and
    ``data_prefix['seg_map_path']/VIDEO/00000.png`` the label maps. The order of the names is the
    order in time. The key frame is the last one of a clip: a spiking network has seen all others.

    A sample has ``img_path`` and ``seg_map_path`` of the key frame, ``clip_paths`` of all frames,
    and with ``label_frames='all'`` also ``seg_map_paths``.

    Args:
        num_frames: Number of frames T of a clip.
        frame_step: Distance between two frames of a clip, in frames of the video.
        clip_step: Distance between the first frames of two clips of a video.
        label_frames: ``'key'``, the label map of the last frame, or ``'all'``.
        ann_file: File with the name of a video a line; without it all folders are videos.
        img_suffix: Ending of the frames.
        seg_map_suffix: Ending of the label maps.
        **kwargs: Other arguments of mmseg's ``BaseSegDataset``.
    """

    def __init__(
        self,
        num_frames: int,
        frame_step: int = 1,
        clip_step: int = 1,
        label_frames: str = 'key',
        img_suffix: str = '.jpg',
        seg_map_suffix: str = '.png',
        **kwargs: Any,
    ) -> None:
        steps = dict(num_frames=num_frames, frame_step=frame_step, clip_step=clip_step)
        for key, value in steps.items():
            if not isinstance(value, int) or value < 1:
                raise UserError(
                    f'{type(self).__name__}: {key}={value!r}, expected an integer of at least 1'
                )
        if label_frames not in LABEL_FRAMES:
            raise UserError(
                f'{type(self).__name__}: label_frames={label_frames!r}, expected one of '
                f'{LABEL_FRAMES}'
            )
        self.num_frames, self.frame_step, self.clip_step = num_frames, frame_step, clip_step
        self.label_frames = label_frames
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """List the clips.

        Returns:
            The samples, in the order of the videos and of time.

        Raises:
            UserError: There is no frame, a video of ``ann_file`` has none, or a video is shorter
                than a clip.
        """
        span = (self.num_frames - 1) * self.frame_step + 1
        clips = []
        for video, frames in self._videos().items():
            if len(frames) < span:
                raise UserError(
                    f"the video '{video}' of {type(self).__name__} has {len(frames)} frames, "
                    f'expected at least {span} for num_frames={self.num_frames} and '
                    f'frame_step={self.frame_step}'
                )
            for start in range(0, len(frames) - span + 1, self.clip_step):
                clips.append(self.sample(frames[start : start + span : self.frame_step]))
        return clips

    def sample(self, frames: list[str]) -> dict[str, Any]:
        """Make a sample of a clip.

        Args:
            frames: Names of the frames, relative to the folder of the images.

        Returns:
            The sample.
        """
        images, maps = (self.data_prefix.get(key) for key in ('img_path', 'seg_map_path'))
        clip: dict[str, Any] = dict(
            img_path=osp.join(images, frames[-1]),
            clip_paths=[osp.join(images, name) for name in frames],
            label_map=self.label_map,
            reduce_zero_label=self.reduce_zero_label,
            seg_fields=[],
        )
        if maps is not None:
            paths = [osp.join(maps, self.seg_map_of(name)) for name in frames]
            clip['seg_map_path'] = paths[-1]
            if self.label_frames == 'all':
                clip['seg_map_paths'] = paths
        return clip

    def seg_map_of(self, frame: str) -> str:
        """Return the name of the label map of a frame, relative to the folder of the maps."""
        return frame.removesuffix(self.img_suffix) + self.seg_map_suffix

    def _videos(self) -> dict[str, list[str]]:
        """Return the names of the frames of each video, sorted."""
        folder = self.data_prefix['img_path']
        videos: dict[str, list[str]] = defaultdict(list)
        if osp.isdir(folder):
            names = list_dir_or_file(folder, list_dir=False, suffix=self.img_suffix, recursive=True)
            for name in sorted(Path(one).as_posix() for one in names):
                videos[osp.dirname(name)].append(name)
        if not videos:
            raise UserError(
                f"{type(self).__name__}: no {self.img_suffix} file in '{folder}', expected a "
                'folder of frames for each video'
            )
        if not self.ann_file:
            return videos
        listed = [line.strip() for line in list_from_file(self.ann_file) if line.strip()]
        absent = [video for video in listed if video not in videos]
        if absent:
            raise UserError(
                f"'{self.ann_file}' names the video '{absent[0]}', which has no {self.img_suffix} "
                f"file in '{folder}'"
            )
        return {video: videos[video] for video in listed}

"""Choose the frames of a clip out of those of a video."""

from abc import abstractmethod
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from spikedense.errors import UserError
from spikedense.registry import TRANSFORMS


class _SampleFrames(BaseTransform):
    """Base class: writes ``clip_paths``, and ``img_path`` of the last one, from ``frames``.

    Args:
        num_frames: Number of frames T of a clip.
        random: Whether the clip is drawn, for training; else it is the same at each call.
    """

    def __init__(self, num_frames: int, random: bool) -> None:
        _check(type(self).__name__, num_frames=num_frames)
        self.num_frames, self.random = num_frames, random

    @abstractmethod
    def indices(self, total: int) -> np.ndarray:
        """Choose frames of a video.

        Args:
            total: Number of frames of the video.

        Returns:
            Rising numbers in ``0..total - 1``, ``[T]``. A short video gives some of them twice.
        """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Choose the frames.

        Args:
            results: The sample, with ``frames``.

        Returns:
            The same sample; the paths of all frames are dropped.
        """
        frames = results.pop('frames')
        results['clip_paths'] = [frames[i] for i in self.indices(len(frames))]
        results['img_path'] = results['clip_paths'][-1]
        return results


@TRANSFORMS.register_module()
class SampleSegments(_SampleFrames):
    """TSN sampling: one frame of each of T segments of equal length.

    Args:
        num_frames: Number of segments T.
        random: Whether a frame is drawn in its segment; else it is the one in the middle.
    """

    def __init__(self, num_frames: int, random: bool = False) -> None:
        super().__init__(num_frames, random)

    def indices(self, total: int) -> np.ndarray:
        """See :class:`_SampleFrames`."""
        places: Any = np.random.rand(self.num_frames) if self.random else 0.5
        chosen = (np.arange(self.num_frames) + places) * total / self.num_frames
        return np.minimum(chosen.astype(int), total - 1)


@TRANSFORMS.register_module()
class SampleDense(_SampleFrames):
    """Dense sampling: T frames at equal distances.

    In a multi-clip test, ``clip`` tells which of ``num_clips`` clips, spread over the video, is
    chosen. mmcv's ``TestTimeAug`` runs one pipeline for each clip, and mmpretrain's
    ``AverageClsScoreTTA`` averages their scores.

    Args:
        num_frames: Number of frames T.
        stride: Distance between two frames, in frames of the video.
        random: Whether the first frame is drawn.
        clip: Number of the clip, from 0, if it is not drawn.
        num_clips: Number of clips; a single one is in the middle of the video.
    """

    def __init__(
        self,
        num_frames: int,
        stride: int = 1,
        random: bool = False,
        clip: int = 0,
        num_clips: int = 1,
    ) -> None:
        super().__init__(num_frames, random)
        _check('SampleDense', stride=stride, num_clips=num_clips)
        if clip not in range(num_clips):
            raise UserError(f'SampleDense: clip={clip!r}, expected one of 0..{num_clips - 1}')
        self.stride, self.clip, self.num_clips = stride, clip, num_clips

    def indices(self, total: int) -> np.ndarray:
        """See :class:`_SampleFrames`. The last frame of a short video is repeated."""
        starts = max(0, total - (self.num_frames - 1) * self.stride - 1)
        if self.random:
            start = np.random.randint(starts + 1)
        elif self.num_clips == 1:
            start = starts // 2
        else:
            start = round(starts * self.clip / (self.num_clips - 1))
        return np.minimum(start + np.arange(self.num_frames) * self.stride, total - 1)


def _check(name: str, **numbers: int) -> None:
    for key, value in numbers.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise UserError(f'{name}: {key}={value!r}, expected an integer of at least 1')

"""Transforms of clips, whose frames lie behind each other on the axis of the channels.

The image of a clip is ``[H, W, T*C]``. So flips, crops, resizes and paddings of the libraries treat
all frames of a clip in the same way. :class:`ForFrames` does the same for changes of the colours.
"""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile, to_tensor
from mmengine.structures import PixelData
from mmseg.datasets.transforms import LoadAnnotations, PackSegInputs

from spikedense.errors import UserError
from spikedense.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadClipFromFiles(LoadImageFromFile):
    """Load the frames of ``clip_paths`` as one image ``[H, W, T*C]``.

    Args:
        **kwargs: Arguments of mmcv's ``LoadImageFromFile``.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load a clip.

        Args:
            results: The sample, with ``clip_paths``, the files of its frames in order.

        Returns:
            The same sample with ``img``, ``img_shape`` and ``ori_shape``.

        Raises:
            UserError: The sample is no clip, or its frames differ in size.
        """
        paths = results.get('clip_paths')
        if not paths:
            raise UserError(
                f"'{results.get('img_path')}' has no clip_paths, expected a data set of clips, "
                'such as spikedense.ClipDataset, or LoadImageFromFile'
            )
        frames = [super(LoadClipFromFiles, self).transform({'img_path': one}) for one in paths]
        images = [np.atleast_3d(one['img']) for one in frames]
        for path, image in zip(paths, images, strict=True):
            if image.shape != images[0].shape:
                raise UserError(
                    f"the frame '{path}' has the shape {image.shape}, expected {images[0].shape} "
                    f"as the first frame of its clip, '{paths[0]}'"
                )
        results['img'] = np.concatenate(images, axis=2)
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results


@TRANSFORMS.register_module()
class LoadClipAnnotations(LoadAnnotations):
    """Load the label maps of all frames, ``[H, W, T]``; without ``seg_map_paths`` one map.

    Args:
        **kwargs: Arguments of mmseg's ``LoadAnnotations``.
    """

    def _load_seg_map(self, results: dict[str, Any]) -> None:
        paths = results.get('seg_map_paths')
        if paths is None:
            super()._load_seg_map(results)
            return
        maps = []
        for path in paths:
            frame = {**results, 'seg_map_path': path, 'seg_fields': []}
            super()._load_seg_map(frame)
            maps.append(frame['gt_seg_map'])
        results['gt_seg_map'] = np.stack(maps, axis=2)
        results['seg_fields'].append('gt_seg_map')


@TRANSFORMS.register_module()
class PackClipInputs(PackSegInputs):
    """mmseg's ``PackSegInputs`` for clips with label maps of all frames.

    The data sample has ``gt_sem_seg`` ``[T, H, W]`` and, in its metadata, ``clip_paths``.

    Args:
        **kwargs: Arguments of mmseg's class.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack a clip; see mmseg."""
        maps = results.get('gt_seg_map')
        if maps is None or maps.ndim == 2:
            packed = super().transform(results)
        else:
            packed = super().transform({**results, 'gt_seg_map': maps[..., 0]})
            labels = np.ascontiguousarray(maps.transpose(2, 0, 1)).astype(np.int64)
            packed['data_samples'].gt_sem_seg = PixelData(data=to_tensor(labels))
        packed['data_samples'].set_metainfo({'clip_paths': results.get('clip_paths')})
        return packed


@TRANSFORMS.register_module()
class ForFrames(BaseTransform):
    """Change the colours of all frames of a clip by one random draw.

    The frames are put below each other, so that a transform for images of C channels changes them
    all at once. Use it for transforms of colours, such as ``PhotoMetricDistortion``, not for those
    of positions, which need no help.

    Args:
        transform: Config of the transform.
        channels: Channels C of a frame.
    """

    def __init__(self, transform: dict[str, Any], channels: int = 3) -> None:
        self.inner = TRANSFORMS.build(transform)
        self.channels = channels

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change ``img``.

        Args:
            results: The sample, with ``img`` ``[H, W, T*C]``.

        Returns:
            The same sample.

        Raises:
            UserError: The channels are no whole number of frames, or the transform has changed the
                size.
        """
        height, width, found = results['img'].shape
        if found % self.channels:
            raise UserError(
                f'ForFrames got an image of {found} channels, expected a multiple of '
                f'channels={self.channels}'
            )
        frames = results['img'].reshape(height, width, -1, self.channels)
        rows = np.ascontiguousarray(frames.transpose(2, 0, 1, 3)).reshape(-1, width, self.channels)
        changed = self.inner({**results, 'img': rows})['img']
        if changed.shape != rows.shape:
            raise UserError(
                f'ForFrames: {type(self.inner).__name__} has changed the size of the image, '
                'expected a transform of colours'
            )
        frames = changed.reshape(-1, height, width, self.channels).transpose(1, 2, 0, 3)
        results['img'] = np.ascontiguousarray(frames).reshape(height, width, found)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.inner!r}, channels={self.channels})'

"""Batches of clips: the preprocessors of the three libraries, with frames on the channels.

A clip of T frames is one image of ``T*C`` channels. So the stock transforms, paddings and sliding
windows treat all frames in the same way, and the stock models take ``[B, T*C, H, W]`` for a batch
of B images. The backbone, with ``clips=True``, splits the frames into time steps.
"""

from typing import Any

from mmdet.models.data_preprocessors import DetDataPreprocessor
from mmengine.structures import PixelData
from mmpretrain.models.utils import ClsDataPreprocessor
from mmseg.models import SegDataPreProcessor
from mmseg.structures import SegDataSample
from torch import Tensor

from spikedense.errors import UserError
from spikedense.registry import MODELS
from spikedense.utils.clips import check_frames, join_frames, split_frames

LABEL_FRAMES = ('key', 'all')


class ClipPreprocessor:
    """Makes a preprocessor of images one of clips; it stands in front of the class of the library.

    Mean, standard deviation and the order of colours are those of a frame.

    Args:
        num_frames: Number of frames T of a clip.
        frame_channels: Channels C of a frame.
        **kwargs: Arguments of the class of the library.
    """

    #: Whether each frame is a sample of its own behind the preprocessor.
    each_frame = False

    def __init__(self, num_frames: int, frame_channels: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(num_frames, int) or num_frames < 1:
            raise UserError(
                f'data_preprocessor: num_frames={num_frames!r}, expected an integer of at least 1'
            )
        self.num_frames = num_frames
        self.frame_channels = frame_channels
        this: Any = self
        # The library would exchange the first and the third channel of the whole clip.
        switch = '_channel_conversion' if hasattr(this, '_channel_conversion') else 'to_rgb'
        #: Whether the colours of each frame change their order.
        self.swaps_frames: bool = getattr(this, switch)
        setattr(this, switch, False)
        for name in ('mean', 'std'):
            value = getattr(this, name, None)
            if value is not None and value.numel() > 1:
                setattr(this, name, value.repeat(num_frames, 1, 1))

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Normalise, pad and stack clips.

        Args:
            data: ``inputs``: clips ``[T*C, H, W]`` or a batch ``[B, T*C, H, W]``, and
                ``data_samples``.
            training: See the library.

        Returns:
            The same keys; ``inputs`` is ``[B, T*C, H, W]``.

        Raises:
            UserError: A clip has another number of frames.
        """
        clips = data['inputs']
        inputs: Any = (
            self._framed(clips) if isinstance(clips, Tensor) else [self._framed(x) for x in clips]
        )
        return super().forward({**data, 'inputs': inputs}, training)  # type: ignore[misc]

    def _framed(self, clip: Tensor) -> Tensor:
        """Check a clip, or a batch of clips, and bring the colours of its frames in order."""
        key = 'model.data_preprocessor.num_frames'
        check_frames(clip.size(-3), self.num_frames, self.frame_channels, 'a clip', key)
        if not self.swaps_frames or self.frame_channels != 3:
            return clip
        return join_frames(split_frames(clip, self.num_frames).flip(-3))


@MODELS.register_module()
class ClipSegDataPreprocessor(ClipPreprocessor, SegDataPreProcessor):
    """mmseg's preprocessor for clips.

    With ``label_frames='all'``, each frame of a clip is a sample behind the preprocessor: the batch
    is ``[B*T, C, H, W]``, with the T frames of a clip behind each other, and there are ``B*T`` data
    samples. So the stock losses, heads and metrics see images. The backbone needs
    ``out_time='frames'``.

    Args:
        num_frames: See :class:`ClipPreprocessor`.
        label_frames: ``'key'``, a label map for each clip, or ``'all'``, one for each frame.
        **kwargs: Other arguments of :class:`ClipPreprocessor` and of mmseg's class.
    """

    def __init__(self, num_frames: int, label_frames: str = 'key', **kwargs: Any) -> None:
        super().__init__(num_frames, **kwargs)
        if label_frames not in LABEL_FRAMES:
            raise UserError(
                f'data_preprocessor: label_frames={label_frames!r}, expected one of {LABEL_FRAMES}'
            )
        self.each_frame = label_frames == 'all'

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """See :meth:`ClipPreprocessor.forward`, and the class for ``label_frames='all'``."""
        for sample in data.get('data_samples') or ():
            self._check_labels(sample)
        data = super().forward(data, training)
        if not self.each_frame:
            return data
        samples = data['data_samples']
        if samples is not None:
            samples = [frame for sample in samples for frame in self._frames_of(sample)]
        inputs = split_frames(data['inputs'], self.num_frames).flatten(0, 1)
        return dict(inputs=inputs, data_samples=samples)

    def _check_labels(self, sample: SegDataSample) -> None:
        expected = self.num_frames if self.each_frame else 1
        found = len(sample.gt_sem_seg.data) if 'gt_sem_seg' in sample else expected
        if found != expected:
            label_frames = 'all' if self.each_frame else 'key'
            raise UserError(
                f'a clip has label maps of {found} frame(s), but model.data_preprocessor has '
                f'label_frames={label_frames!r} and num_frames={self.num_frames}, expected '
                f'{expected}'
            )

    def _frames_of(self, sample: SegDataSample) -> list[SegDataSample]:
        """Make a data sample of each frame of a clip."""
        labels = sample.gt_sem_seg.data if 'gt_sem_seg' in sample else None  # [T, H, W]
        paths = sample.get('clip_paths') or [sample.get('img_path')] * self.num_frames
        frames = []
        for t in range(self.num_frames):
            frame = sample.new()
            frame.set_metainfo(dict(img_path=paths[t]))
            if labels is not None:
                frame.gt_sem_seg = PixelData(data=labels[t : t + 1])
            frames.append(frame)
        return frames


@MODELS.register_module()
class ClipDetDataPreprocessor(ClipPreprocessor, DetDataPreprocessor):
    """mmdet's preprocessor for clips, with the boxes and masks of the key frame.

    Args:
        **kwargs: Arguments of :class:`ClipPreprocessor` and of mmdet's class.
    """


@MODELS.register_module()
class ClipClsDataPreprocessor(ClipPreprocessor, ClsDataPreprocessor):
    """mmpretrain's preprocessor for clips, with one label a clip.

    Args:
        **kwargs: Arguments of :class:`ClipPreprocessor` and of mmpretrain's class.
    """

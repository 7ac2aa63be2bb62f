"""Data sets and transforms that mmseg and mmdet lack."""

# mmengine imports this room for a config that names one of our classes.
from spikedense import checkpoint_files  # noqa: F401

from .action import HMDB51Frames, SomethingV2Frames, UCF101Frames
from .camvid import CamVidDataset
from .clip_transforms import ForFrames, LoadClipAnnotations, LoadClipFromFiles, PackClipInputs
from .clips import ClipDataset
from .demo import DemoDataset
from .demo_coco import DemoInstanceDataset, DemoPanopticDataset
from .fit_into import FitInto
from .frame_lists import FrameListDataset
from .labels import LoadAnnotations
from .moving_demo import MovingDemoDataset
from .panoptic import LoadPanopticAnnotations
from .sample_frames import SampleDense, SampleSegments

__all__ = [
    'CamVidDataset',
    'ClipDataset',
    'DemoDataset',
    'DemoInstanceDataset',
    'DemoPanopticDataset',
    'FitInto',
    'ForFrames',
    'FrameListDataset',
    'HMDB51Frames',
    'LoadAnnotations',
    'LoadClipAnnotations',
    'LoadClipFromFiles',
    'LoadPanopticAnnotations',
    'MovingDemoDataset',
    'PackClipInputs',
    'SampleDense',
    'SampleSegments',
    'SomethingV2Frames',
    'UCF101Frames',
]

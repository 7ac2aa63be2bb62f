"""Models of configs, made small enough for a test: narrower and shallower, same structure."""

import copy
import json
from functools import cache
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from torch import nn

from spikedense.models.backbones import SpikeDrivenPyramid
from spikedense.registry import MODELS as SPIKEDENSE

IMAGE_SIZE = (64, 96)
_WIDTH = 8
#: Ends of the types of transforms that make images of one size.
_RESIZING = ('RandomResizedCrop', 'Resize')
#: Side of the images of sets that have one size.
_SIDES = dict(CIFAR100=32)
_ARCH = dict(embed_dims=[16, 16, 24, 32], depths=[1, 1, 2, 2, 1], num_heads=4)


def reduced_config(path: str) -> Config:
    """Read a config and shrink its model.

    Args:
        path: the config file.

    Returns:
        The config, with four levels of a few channels and images of ``IMAGE_SIZE``.
    """
    cfg = Config.fromfile(path)
    reduce_config(cfg)
    return cfg


def reduce_config(cfg: Config) -> None:
    """Shrink the model of a config in place, see :func:`reduced_config`."""
    model = cfg.model
    set_crop(cfg, IMAGE_SIZE)
    if not has_anchors(cfg) and head_of(cfg).type == 'Mask2FormerHead':
        _reduce_mask2former(model)
        return
    known = (
        'EncoderDecoder',
        'ImageClassifier',
        'Mask2Former',
        'MaskRCNN',
        'RetinaNet',
        'spikedense.HardDistillation',
        'spikedense.SpikeMAE',
    )
    if model.type not in known or not model.backbone.type.startswith('spikedense.'):
        raise NotImplementedError(
            f'{cfg.filename}: no reduced size is known for a {model.type} on '
            f'{model.backbone.type}; say in tests/reduced_models.py how to shrink it'
        )
    channels = _reduce_backbone(model.backbone)
    if has_anchors(cfg):
        _reduce_anchor_detector(model, channels)
        return
    if is_pretraining(cfg):
        patches = image_size_of(cfg)[0] // model.head.get('patch_size', 16)
        model.neck.update(
            in_channels=channels[-1], num_patches=patches**2, embed_dims=16, depth=1, num_heads=2
        )
        return
    if is_classifier(cfg):
        model.head.in_channels = channels[-1]
        if 'teacher' in model:
            model.teacher = None  # its weights are no part of a test
    elif 'neck' in model:
        model.neck.update(in_channels=channels, out_channels=_WIDTH)
        levels = len(model.decode_head.in_channels)  # a neck may make several of one map
        model.decode_head.update(in_channels=[_WIDTH] * levels, channels=_WIDTH)
    else:
        _reduce_spike2former(head_of(cfg), channels)
    if 'num_points' in model.get('train_cfg', {}):
        model.train_cfg.num_points = 64


def is_detector(cfg: Config) -> bool:
    """Whether a config follows mmdet, not mmseg."""
    return cfg.default_scope == 'mmdet'


def is_classifier(cfg: Config) -> bool:
    """Whether a config is of an image classifier of mmpretrain."""
    return cfg.default_scope == 'mmpretrain' and not is_pretraining(cfg)


def is_pretraining(cfg: Config) -> bool:
    """Whether a config is of a masked auto-encoder, which predicts no classes."""
    return cfg.default_scope == 'mmpretrain' and 'num_classes' not in cfg.model.head


def image_size_of(cfg: Config) -> tuple[int, int]:
    """Height and width of the images of a test; those of an auto-encoder are squares."""
    return (IMAGE_SIZE[0],) * 2 if is_pretraining(cfg) else IMAGE_SIZE


def has_anchors(cfg: Config) -> bool:
    """Whether a config is of a detector with anchors: Mask R-CNN or RetinaNet."""
    return 'rpn_head' in cfg.model or 'bbox_head' in cfg.model


def head_of(cfg: Config) -> ConfigDict:
    """The config of the head that knows the classes."""
    if has_anchors(cfg):
        return cfg.model.bbox_head if 'bbox_head' in cfg.model else cfg.model.roi_head.bbox_head
    return cfg.model.get('decode_head') or cfg.model.get('panoptic_head') or cfg.model.head


def num_classes_of(cfg: Config) -> int:
    """Number of classes that are predicted."""
    head = head_of(cfg)
    if is_pretraining(cfg):
        return 0
    return head.get('num_classes') or head.num_things_classes + head.num_stuff_classes


def num_things_of(cfg: Config) -> int:
    """Number of classes of a detector that have instances."""
    return head_of(cfg).get('num_things_classes', num_classes_of(cfg))


def crop_of(cfg: Config) -> tuple[int, int]:
    """Height and width of a training image, or the scale of a detector's."""
    if 'image_scale' in cfg:
        width, height = cfg.image_scale
        return height, width
    if cfg.default_scope == 'mmpretrain':
        sizes = [step.scale for step in cfg.train_pipeline if step.type.endswith(_RESIZING)]
        size = sizes[0] if sizes else _SIDES[cfg.train_dataloader.dataset.type]
        return (size, size) if isinstance(size, int) else tuple(size)
    preprocessor = cfg.model.data_preprocessor
    return tuple(preprocessor.get('size') or preprocessor.batch_augments[0].size)


def set_crop(cfg: Config, size: tuple[int, int]) -> None:
    """Changes the height and width of a training image."""
    preprocessor = cfg.model.data_preprocessor
    # Detectors pad images of varying size to the largest of a batch; classifiers take any size.
    if 'image_scale' not in cfg and cfg.default_scope != 'mmpretrain':
        (preprocessor if 'size' in preprocessor else preprocessor.batch_augments[0]).size = size


def _reduce_backbone(backbone: ConfigDict) -> list[int]:
    """Shrinks a backbone in place.

    Returns:
        The channels of the maps that it hands on.
    """
    cls = SPIKEDENSE.get(backbone.type.removeprefix('spikedense.'))
    arch = backbone.arch
    arch = dict(arch if isinstance(arch, dict) else cls.arch_zoo[arch])
    if issubclass(cls, SpikeDrivenPyramid):
        arch.update(_ARCH)
    else:
        arch.update(_reduced_arch(arch))
    backbone.arch = ConfigDict(arch)
    _reduce_spk(backbone)
    taps = backbone.get('out_indices')
    return list(_out_channels(cls, json.dumps(arch), None if taps is None else tuple(taps)))


def _reduce_spk(backbone: ConfigDict) -> None:
    """Leaves two units and two steps of an SPK block; neurons have tests of their own."""
    neuron = backbone.get('neuron_cfg', {})
    if neuron.get('type') in ('SL', 'RL', 'MBPL', 'HSL', 'DCL'):
        backbone.T = min(2, backbone.get('T', 1))
        for key in ('tau', 'surrogate'):
            neuron.pop(key, None)
        if 'thresholds' in neuron:
            neuron.thresholds = [0.5, 1.0]


@cache
def _out_channels(cls: type, arch: str, out_indices: tuple[int, ...] | None) -> tuple[int, ...]:
    """The channels that a backbone of an architecture, written as text, hands on."""
    taps = {} if out_indices is None else dict(out_indices=out_indices)  # else the class's own
    with torch.device('meta'):
        return cls(arch=json.loads(arch), **taps).out_channels


def _reduced_arch(arch: dict[str, Any]) -> dict[str, Any]:
    """The sizes of a backbone that are changed; what else an architecture has stays as it is."""
    small: dict[str, Any] = {}
    if 'embed_dims' not in arch:
        # oneDNN writes past the weight gradient of a strided 1x1 convolution of a channels-last map
        # with fewer than 16 channels, if the map is large.
        small['base_channels'] = 16 if arch.get('small_stem') else _WIDTH
    elif isinstance(arch['embed_dims'], int):
        small['embed_dims'] = 32
    else:
        stages = len(arch['embed_dims'])
        small['embed_dims'] = [16] * (stages - 3) + [16, 24, 32][-stages:]
    for key, most in (('depths', 1), ('num_heads', 2)):
        if key in arch:
            number = arch[key]
            few = min(number, most) if isinstance(number, int) else [min(n, most) for n in number]
            small[key] = few
    return small


def _reduce_spike2former(head: ConfigDict, channels: list[int]) -> None:
    """Shrinks a Spike2Former head in place."""
    head.update(in_channels=channels, feat_channels=16, out_channels=16, num_queries=20)
    encoder = head.pixel_decoder.encoder
    if encoder is not None:
        encoder.update(num_layers=1, mlp_ratio=2)
        if encoder.type == 'SDTELayer':
            encoder.attn_cfg.num_groups = 4
        else:
            encoder.num_heads = 4
    head.transformer_decoder.update(num_layers=2, num_heads=4, mlp_ratio=2)


def _reduce_anchor_detector(model: ConfigDict, channels: list[int]) -> None:
    """Shrinks a Mask R-CNN or a RetinaNet in place; no detection is too unsure to be kept."""
    model.neck.update(in_channels=channels, out_channels=_WIDTH)
    for part in (model, *_descendants(model)):
        if 'feat_channels' in part:
            part.update(in_channels=_WIDTH, feat_channels=_WIDTH)
        if 'num_shared_fcs' in part or 'fc_out_channels' in part:
            part.update(in_channels=_WIDTH, fc_out_channels=32)
        if 'conv_out_channels' in part:
            part.update(in_channels=_WIDTH, conv_out_channels=_WIDTH)
        if 'featmap_strides' in part:
            part.out_channels = _WIDTH
        if part.get('type') == 'RandomSampler':
            part.num = 32
        if 'score_thr' in part:
            part.score_thr = 0.0
        if 'nms_pre' in part:
            part.nms_pre = 100
        if 'max_per_img' in part:
            part.max_per_img = 20


def _reduce_mask2former(model: ConfigDict) -> None:
    """Shrinks a Mask2Former on a ResNet in place."""
    model.backbone.depth = 18
    head = model.decode_head
    head.update(in_channels=[64, 128, 256, 512], num_queries=20)
    head.train_cfg.num_points = 64
    narrow = {256: 32, 1024: 64, 2048: 64, 128: 16}
    for node in (head, head.pixel_decoder, head.transformer_decoder):
        for part in (node, *_descendants(node)):
            for key in ('feat_channels', 'out_channels', 'embed_dims', 'num_feats'):
                if key in part:
                    part[key] = narrow.get(part[key], part[key])
            if 'feedforward_channels' in part:
                part.feedforward_channels = 64
            if 'num_layers' in part:
                part.num_layers = 2


def _descendants(node: ConfigDict) -> list[ConfigDict]:
    """All dicts below a dict."""
    below = [value for value in node.values() if isinstance(value, ConfigDict)]
    return below + [deeper for value in below for deeper in _descendants(value)]


def predicts(name: str) -> bool:
    """Whether the model of a config predicts something; masked auto-encoders do not."""
    return '/mae_' not in name


def is_known_backbone(name: str) -> bool:
    """Whether a config is a classifier whose backbone a dense config of its folder has, too.

    The head of classifiers is that of SDT-V3, so a net of both has been seen.
    """
    known = ('ms_resnet/', 'qkformer/', 'sdt_v2/', 'sew_resnet/', 'spikformer/', 'spikeatconv/')
    return name.startswith(known) and '_imagenet-' in name


def is_stock(name: str) -> bool:
    """Whether a config's net is a library's own, there to be compared with."""
    return '/mask2former_' in name


def build_model(cfg: Config) -> nn.Module:
    """Builds the model of a config, in the config's scope."""
    init_default_scope(cfg.default_scope)
    return MODELS.build(copy.deepcopy(cfg.model))


def frames_of(cfg: Config) -> int:
    """Number of frames of a sample; 1 of an image."""
    return cfg.model.data_preprocessor.get('num_frames', 1)


def random_batch(cfg: Config, batch: int = 2) -> dict[str, Any]:
    """What a data loader hands to the model of a config: 8-bit images and their labels.

    Args:
        cfg: the config.
        batch: number of images.

    Returns:
        Labels of all classes, the top rows void (255); for a detector two instances over stuff.
    """
    make = _semantic_sample
    if is_detector(cfg) or cfg.default_scope == 'mmpretrain':
        make = _detection_sample if is_detector(cfg) else _image_sample
    size = (3 * frames_of(cfg), *image_size_of(cfg))
    images = [torch.randint(256, size, dtype=torch.uint8) for _ in range(batch)]
    return dict(inputs=images, data_samples=[make(cfg, i) for i in range(batch)])


def _image_sample(cfg: Config, index: int) -> DataSample:
    return DataSample().set_gt_label(index % max(1, num_classes_of(cfg)))


def _semantic_sample(cfg: Config, index: int) -> SegDataSample:
    every = cfg.model.data_preprocessor.get('label_frames') == 'all'
    labels = torch.randint(num_classes_of(cfg), (frames_of(cfg) if every else 1, *IMAGE_SIZE))
    labels[:, :4] = 255
    meta = dict(img_shape=IMAGE_SIZE, ori_shape=IMAGE_SIZE, pad_shape=IMAGE_SIZE)
    sample = SegDataSample(metainfo=meta)
    sample.gt_sem_seg = PixelData(data=labels)
    return sample


def _detection_sample(cfg: Config, index: int) -> Any:
    from mmdet.structures import DetDataSample  # not everywhere installed
    from mmdet.structures.mask import BitmapMasks

    head = head_of(cfg)
    meta = dict(img_shape=IMAGE_SIZE, ori_shape=IMAGE_SIZE, scale_factor=(1.0, 1.0), img_id=index)
    sample = DetDataSample(metainfo=meta)
    boxes = torch.tensor([[8.0, 8, 40, 30], [50, 34, 90, 60]])
    masks = np.zeros((2, *IMAGE_SIZE), dtype=np.uint8)
    for mask, (left, top, right, bottom) in zip(masks, boxes.int().tolist(), strict=True):
        mask[top:bottom, left:right] = 1
    sample.gt_instances = InstanceData(
        bboxes=boxes,
        labels=torch.randint(num_things_of(cfg), (2,)),
        masks=BitmapMasks(masks, *IMAGE_SIZE),
    )
    if head.get('num_stuff_classes'):
        stuff = torch.randint(head.num_stuff_classes, (1, *IMAGE_SIZE)) + head.num_things_classes
        stuff[:, :4] = 255
        sample.gt_sem_seg = PixelData(sem_seg=stuff)
    return sample

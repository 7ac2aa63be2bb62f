"""Facts of a config for tables: data set, neuron, time steps, batch and length of the training."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from spikedense.errors import UserError

from .class_names import class_name
from .config_reader import read_config

#: Titles of the data sets, by the part of a config's file name that says the data set.
DATA_SETS = {
    'ade20k': 'ADE20K',
    'camvid': 'CamVid',
    'camvid-patches': 'CamVid patches',
    'demo-patches': 'Demo patches',
    'faces': 'Faces of scikit-image',
    'cifar100': 'CIFAR-100',
    'cityscapes': 'Cityscapes',
    'cityscapes-instance': 'Cityscapes',
    'coco': 'COCO',
    'coco-instance': 'COCO instances',
    'coco-panoptic': 'COCO panoptic',
    'coco-stuff10k': 'COCO-Stuff 10k',
    'coco-stuff164k': 'COCO-Stuff 164k',
    'demo': 'Demo (generated)',
    'demo-instance': 'Demo instances (generated)',
    'demo-panoptic': 'Demo panoptic (generated)',
    'demo-video': 'Demo video (generated)',
    'imagenet': 'ImageNet-1k',
    'pennfudan': 'Penn-Fudan',
    'ucf101': 'UCF101',
    'voc12': 'PASCAL VOC 2012',
    'voc12aug': 'PASCAL VOC 2012 + aug',
}
#: Names of the neurons, by their type.
NEURONS = {
    'LIF': 'LIF',
    'IF': 'IF',
    'StrictLIF': 'LIF of MS-ResNet',
    'NILIF': 'NI-LIF',
    'ILIF': 'I-LIF',
    'SigmoidL2NILIF': 'NI-LIF, sigmoid & L2',
    'SL': 'SL',
    'RL': 'RL',
    'MBPL': 'MBPL',
    'HSL': 'HSL',
    'DCL': 'DCL',
    'ReLU': 'ReLU (ANN)',
}

#: The end of a config's file name: GPUs, batch per GPU, length, data set, size.
_NAME = re.compile(r'_(?P<gpus>\d+)xb\d+-\d+[eki]_(?P<data>[a-z0-9-]+)-\d+x\d+')


@dataclass(frozen=True)
class ConfigFacts:
    """The facts of a config that a table shows.

    Attributes:
        task: Name of the task, as in a metafile.
        data: Title of the training data.
        neuron: Name of the neuron, and that of the heads if it is another one.
        steps: Time steps and levels of a spike, as `T x D`; `none` for a net without spikes.
        batch: Images in a batch, over all GPUs.
        length: Iterations, or epochs with that word.
    """

    task: str
    data: str
    neuron: str
    steps: str
    batch: int
    length: str


def read_facts(path: Path) -> ConfigFacts:
    """Read the facts of one config.

    Args:
        path: A config file with a name like those of the shipped configs.

    Raises:
        UserError: If the file is missing, or if the name, the data set or the neuron is unknown.
    """
    if not path.is_file():
        raise UserError(f'{path}: no such config, expected a file beside the metafile.')
    match = _NAME.search(path.stem)
    if match is None:
        raise UserError(
            f'{path}: the name does not end in _GPUSxbBATCH-LENGTH_DATA-SIDExSIDE.py, as expected.'
        )
    if match['data'] not in DATA_SETS:
        raise UserError(
            f'{path}: the data set is {match["data"]!r}, expected one of {sorted(DATA_SETS)}.'
        )
    cfg = read_config(path)
    neuron = _neuron_of(cfg, path)
    backbone = cfg.model.backbone
    levels = _levels_of(backbone.get('neuron_cfg', {}))
    loop = cfg.train_cfg
    return ConfigFacts(
        task=_task_of(cfg),
        data=DATA_SETS[match['data']],
        neuron=neuron,
        steps='none' if neuron == NEURONS['ReLU'] else f'{backbone.get("T", 1)} x {levels}',
        batch=int(match['gpus']) * cfg.train_dataloader.batch_size,
        length=f'{loop.max_epochs} epochs' if 'max_epochs' in loop else str(loop.max_iters),
    )


def _task_of(cfg: Config) -> str:
    """Name the task by the library of the config and by the heads of the model."""
    scope = cfg.get('default_scope', 'mmseg')
    model = cfg.model
    if scope == 'mmpretrain':
        # Without classes, a model of mmpretrain predicts masked pixels.
        known = 'num_classes' in model.get('head', {})
        return 'Image Classification' if known else 'Masked Image Modeling'
    if scope != 'mmdet':
        return 'Semantic Segmentation'
    if model.get('panoptic_head', {}).get('num_stuff_classes'):
        return 'Panoptic Segmentation'
    masks = 'panoptic_head' in model or 'mask_head' in model.get('roi_head', {})
    return 'Instance Segmentation' if masks else 'Object Detection'


def _levels_of(neuron: dict[str, Any]) -> int:
    """Return the largest integer of a neuron: of MBPL and RL, the number of their units."""
    name = class_name(neuron) if 'type' in neuron else ''
    if name == 'MBPL':
        return len(neuron['thresholds'])
    if name == 'RL':
        return 2
    return neuron.get('D', 1)


def _neuron_of(cfg: Config, path: Path) -> str:
    """Name the neuron of the backbone, and that of a detector's heads if it is another one."""
    backbone = cfg.model.backbone.get('neuron_cfg', dict(type='ReLU'))
    heads = cfg.model.get('rpn_head', {}).get('neuron_cfg', backbone)
    names = [_name_of(neuron, path) for neuron in (backbone, heads)]
    return names[0] if names[0] == names[1] else f'{names[0]}, {names[1]} heads'


def _name_of(neuron: dict[str, object], path: Path) -> str:
    name = class_name(neuron)
    if name not in NEURONS:
        raise UserError(
            f'{path}: the type of the neuron is {neuron["type"]!r}, '
            f'expected one of {sorted(NEURONS)}.'
        )
    # NI-LIF whose integers are not divided is I-LIF.
    undivided = name == 'NILIF' and neuron.get('norm') == 1
    return NEURONS['ILIF' if undivided else name]

"""What a table shows of a config is what the config says."""

import re
from pathlib import Path
from typing import Any

import pytest
from config_groups import config_of

from spikedense.errors import UserError
from spikedense.utils.config_facts import DATA_SETS, read_facts
from spikedense.utils.config_path import list_configs

NILIF = dict(type='NILIF', D=4)
#: Type of the training data and end of its root, by the part of a config's name.
TRAINED_ON = {
    'ade20k': ('ADE20KDataset', 'ADEChallengeData2016'),
    'camvid': ('spikedense.CamVidDataset', 'camvid'),
    'camvid-patches': ('CustomDataset', 'camvid_patches'),
    'cifar100': ('CIFAR100', 'cifar100'),
    'cityscapes': ('CityscapesDataset', 'cityscapes'),
    'cityscapes-instance': ('CityscapesDataset', 'cityscapes'),
    'coco': ('CocoDataset', 'coco'),
    'coco-instance': ('CocoDataset', 'coco'),
    'coco-panoptic': ('CocoPanopticDataset', 'coco'),
    'coco-stuff10k': ('COCOStuffDataset', 'coco_stuff10k'),
    'coco-stuff164k': ('COCOStuffDataset', 'coco_stuff164k'),
    'demo': ('spikedense.DemoDataset', 'demo'),
    'demo-instance': ('spikedense.DemoInstanceDataset', 'demo'),
    'demo-panoptic': ('spikedense.DemoPanopticDataset', 'demo'),
    'demo-patches': ('CustomDataset', 'demo_patches'),
    'demo-video': ('spikedense.MovingDemoDataset', 'demo-video'),
    'faces': ('CustomDataset', 'faces'),
    'imagenet': ('ImageNet', 'imagenet'),
    'pennfudan': ('CocoDataset', 'pennfudan'),
    'ucf101': ('spikedense.UCF101Frames', 'ucf101'),
    'voc12': ('PascalVOCDataset', 'VOC2012'),
    'voc12aug': ('PascalVOCDataset', 'VOC2012'),
}


def write_config(folder: Path, name: str = 'x_y_2xb8-5k_camvid-480x360', **changes: Any) -> Path:
    path = folder / f'{name}.py'
    model = dict(backbone=dict(T=2, neuron_cfg=NILIF))
    content = dict(model=model, train_dataloader=dict(batch_size=8), train_cfg=dict(max_iters=5000))
    content.update(changes)
    path.write_text('\n'.join(f'{key} = {value!r}' for key, value in content.items()))
    return path


def test_facts_of_a_config(tmp_path: Path) -> None:
    facts = read_facts(write_config(tmp_path))
    assert (facts.data, facts.neuron, facts.steps) == ('CamVid', 'NI-LIF', '2 x 4')
    assert (facts.batch, facts.length) == (16, '5000')


def test_a_length_may_be_of_epochs(tmp_path: Path) -> None:
    assert read_facts(write_config(tmp_path, train_cfg=dict(max_epochs=12))).length == '12 epochs'


@pytest.mark.parametrize(
    ('neuron', 'name', 'steps'),
    [
        (dict(type='LIF', tau=2.0), 'LIF', '2 x 1'),
        (dict(type='NILIF', D=4, norm=8), 'NI-LIF', '2 x 4'),
        (dict(type='NILIF', D=4, norm=1), 'I-LIF', '2 x 4'),
        (dict(type='ILIF', D=2), 'I-LIF', '2 x 2'),
        (dict(type='SigmoidL2NILIF', D=4), 'NI-LIF, sigmoid & L2', '2 x 4'),
        (dict(type='ReLU'), 'ReLU (ANN)', 'none'),
    ],
)
def test_names_of_neurons(tmp_path: Path, neuron: dict, name: str, steps: str) -> None:
    facts = read_facts(write_config(tmp_path, model=dict(backbone=dict(T=2, neuron_cfg=neuron))))
    assert (facts.neuron, facts.steps) == (name, steps)


def test_a_stock_backbone_has_no_spikes(tmp_path: Path) -> None:
    facts = read_facts(write_config(tmp_path, model=dict(backbone=dict(type='ResNet'))))
    assert (facts.neuron, facts.steps) == ('ReLU (ANN)', 'none')


def test_heads_with_another_neuron_are_named(tmp_path: Path) -> None:
    for head, name in ((dict(type='ILIF', D=4), 'NI-LIF, I-LIF heads'), (NILIF, 'NI-LIF')):
        model = dict(backbone=dict(neuron_cfg=NILIF), rpn_head=dict(neuron_cfg=head))
        assert read_facts(write_config(tmp_path, model=model)).neuron == name


def test_what_is_unknown_is_named(tmp_path: Path) -> None:
    unknown = dict(backbone=dict(neuron_cfg=dict(type='Threshold')))
    cases = {
        "the type of the neuron is 'Threshold'": write_config(tmp_path, model=unknown),
        "the data set is 'moon', expected one of": write_config(tmp_path, 'x_1xb1-5k_moon-1x1'),
        'the name does not end in': write_config(tmp_path, 'x'),
        'no such config': tmp_path / 'y.py',
    }
    for message, path in cases.items():
        with pytest.raises(UserError, match=re.escape(message)):
            read_facts(path)


@pytest.mark.parametrize('name', list_configs())
def test_the_name_says_the_data_set(name: str) -> None:
    """A title comes from the file name: the training data must be those of the name."""
    data = name.rpartition('_')[2].rpartition('-')[0]
    dataset = config_of(name).train_dataloader.dataset
    assert (dataset.type == 'ConcatDataset') == data.endswith('aug')
    while 'data_root' not in dataset:  # repeated or concatenated
        dataset = dataset.dataset if 'dataset' in dataset else dataset.datasets[0]
    kind, root = TRAINED_ON[data]
    assert (dataset.type, Path(dataset.data_root).name) == (kind, root)


def test_every_data_set_is_checked() -> None:
    assert set(TRAINED_ON) == set(DATA_SETS)

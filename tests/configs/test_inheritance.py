"""Numbers stand once in the configs: classes beside the data, widths in one base model a size."""

import re
from pathlib import Path

import pytest
from config_groups import config_of

from spikedense.utils.config_path import config_root, list_configs

#: Variables that base files offer, and that the config which takes one removes.
OFFERED = {'num_classes', 'num_things', 'num_stuff', 'demo_arch', 'fpn_55m'}
#: A number of classes that is written out; 0 kinds of stuff is no number of a data set.
CLASSES = re.compile(r'num_(things_|stuff_)?classes *= *[1-9]')
#: A detector starts from COCO's classes, as in mmdet, and Spike2Former's head from ADE20K's.
STARTS = {'spike2former.py', 'spike2former_panoptic.py'}


def ancestors(path: Path) -> set[Path]:
    """Return the files of this project that a config starts from, at any distance."""
    text = path.read_text(encoding='utf-8')
    match = re.search(r'^_base_ = (\[.*?\]|.*?$)', text, flags=re.DOTALL | re.MULTILINE)
    names = re.findall(r"'([^':]+\.py)'", match[1] if match else '')
    parents = {(path.parent / name).resolve() for name in names}
    return parents.union(*(ancestors(parent) for parent in parents))


@pytest.mark.parametrize('name', list_configs())
def test_offered_variables_do_not_stay(name: str) -> None:
    assert not OFFERED & config_of(name).keys()


def test_classes_stand_beside_the_data() -> None:
    files = [*config_root().glob('*/*.py'), *config_root().glob('_base_/models/*.py')]
    found = {p.name for p in files if CLASSES.search(p.read_text(encoding='utf-8'))}
    assert found == STARTS


def test_55m_does_not_start_from_15m() -> None:
    names = [name for name in list_configs() if '-55m' in name]
    assert names
    for name in names:
        files = ancestors((config_root() / name).resolve())
        assert files
        assert not [file.name for file in files if '-15m' in file.name]

"""docs/own_data.md, word for word: from files of the user to a prediction."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spikedense import cli

BLOCK = re.compile(r'```python\n# (\S+)\n(.*?)```', re.DOTALL)
COMMAND = re.compile(r'^    spikedense (.*)$', re.MULTILINE)
#: Classes of CamVid -> classes of the page; the other classes are `other`.
OF_CAMVID = {3: 1, 0: 2, 8: 3}
SIZE = (160, 120)
SHORT = ('train_cfg.max_iters=2', 'train_cfg.val_interval=2')
ONE_EPOCH = ('train_cfg.max_epochs=1', 'train_dataloader.batch_size=2')
#: Worker processes of several runs in one process take long to end.
IN_THIS_PROCESS = [
    f'{split}_dataloader.{key}'
    for split in ('train', 'val', 'test')
    for key in ('num_workers=0', 'persistent_workers=False')
]


@pytest.fixture
def page(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The text of the page, whose configs stand in the current folder."""
    text = (repo_root / 'docs' / 'own_data.md').read_text(encoding='utf-8')
    for name, content in BLOCK.findall(text):
        (tmp_path / name).write_text(content, encoding='utf-8')
    monkeypatch.chdir(tmp_path)
    return text


def commands(page: str, config: str) -> Iterator[list[str]]:
    """Yield the commands of one example in their order, with runs of a few iterations."""
    for command in COMMAND.findall(page):
        for long, short in (('iter_2400', 'iter_2'), ('epoch_200', 'epoch_1'), ('=20', '=2')):
            command = command.replace(long, short)
        words = shlex.split(command)
        if words[1] != config or words[0] == 'print-config':
            continue
        options = []
        if words[0] in ('train', 'test'):
            lengths = ONE_EPOCH if config == 'my_animals.py' else SHORT
            options = [] if '--cfg-options' in words else ['--cfg-options', *lengths]
            options += IN_THIS_PROCESS
        yield [*words, *options]


def run(page: str, config: str) -> list[str]:
    done = []
    for words in commands(page, config):
        assert not cli.main(words), words
        done.append(words[0])
    return done


@pytest.mark.slow
def test_masks_in_a_folder(page: str, data_root: Path) -> None:
    for split, number in (('train', 8), ('val', 2)):
        pictures = sorted((data_root / 'camvid' / 'img_dir' / split).glob('*.jpg'))[::20][:number]
        for folder in ('images', 'masks'):
            Path('data/scenes', folder, split).mkdir(parents=True)
        for picture in pictures:
            Image.open(picture).resize(SIZE).save(f'data/scenes/images/{split}/{picture.name}')
            mask = data_root / 'camvid' / 'ann_dir' / split / f'{picture.stem}.png'
            labels = np.array(Image.open(mask).resize(SIZE, Image.Resampling.NEAREST))
            new = np.where(labels == 255, 255, 0).astype(np.uint8)
            for old, label in OF_CAMVID.items():
                new[labels == old] = label
            Image.fromarray(new).save(f'data/scenes/masks/{split}/{picture.stem}.png')
    assert run(page, 'my_scenes.py') == ['browse', 'train', 'train', 'test', 'infer']
    names = sorted(path.stem for path in Path('data/scenes/images/val').iterdir())
    assert sorted(path.stem for path in Path('pictures').glob('*.png')) == names
    assert len(list(Path('seen').iterdir())) > 0
    found = [json.loads(path.read_text()) for path in Path('predictions').rglob('*.json')]
    assert len(found) == len(names)


@pytest.mark.slow
def test_a_coco_file(page: str, data_root: Path) -> None:
    Path('data/people/images').mkdir(parents=True)
    for split, number in (('train', 8), ('val', 2)):
        source = data_root / 'pennfudan' / 'annotations' / f'instances_{split}.json'
        coco = json.loads(source.read_text(encoding='utf-8'))
        coco['images'] = coco['images'][:number]
        heights = {image['id']: image['height'] for image in coco['images']}
        coco['annotations'] = [a for a in coco['annotations'] if a['image_id'] in heights]
        for annotation in coco['annotations']:
            far = annotation['bbox'][3] < heights[annotation['image_id']] / 2
            annotation['category_id'] = 2 if far else 1
        coco['categories'] = [dict(id=1, name='near'), dict(id=2, name='far')]
        Path(f'data/people/{split}.json').write_text(json.dumps(coco), encoding='utf-8')
        for image in coco['images']:
            picture = data_root / 'pennfudan' / 'images' / Path(image['file_name']).name
            Image.open(picture).save(f'data/people/images/{picture.name}')
    assert run(page, 'my_people.py') == ['browse', 'train', 'train', 'test', 'infer']
    assert len(list(Path('pictures_people').glob('*.png'))) == 2
    assert len(list(Path('seen_people').iterdir())) > 0
    assert len(list(Path('predictions_people').rglob('*.json'))) == 10


def test_images_in_folders(page: str, data_root: Path) -> None:
    pictures = sorted((data_root / 'pennfudan' / 'images').glob('*.jpg'))[:8]
    for index, picture in enumerate(pictures):
        split, name = 'train' if index < 4 else 'val', ('cat', 'dog')[index % 2]
        folder = Path('data/animals', split, name)
        folder.mkdir(parents=True, exist_ok=True)
        Image.open(picture).convert('RGB').resize(SIZE).save(folder / f'{index}.jpg')
    assert run(page, 'my_animals.py') == ['browse', 'train', 'test']
    assert len(list(Path('seen_animals').iterdir())) > 0
    assert Path('work_dirs/my_animals/epoch_1.pth').is_file()

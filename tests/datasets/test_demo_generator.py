"""Files of the demo set: the three kinds of ground truth agree, and writing is safe."""

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from spikedense.datasets.demo_generator import DemoSpec, encode_rle, ensure_demo
from spikedense.datasets.demo_scenes import CLASSES, THING_CLASSES, VOID

SMALL = dict(seed=3, size=(64, 80), num_train=6, num_val=3)


@pytest.fixture(scope='module')
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('demo') / 'set'
    assert ensure_demo(root, **SMALL)
    return root


def _contents(root: Path) -> dict:
    return {p.relative_to(root): p.read_bytes() for p in root.rglob('*') if p.is_file()}


def _semantic(demo: Path, split: str, file_name: str) -> np.ndarray:
    return np.array(Image.open(demo / 'annotations' / split / Path(file_name).with_suffix('.png')))


@pytest.mark.parametrize('split', ['train', 'val'])
def test_instances_agree_with_the_semantic_mask(demo: Path, split: str) -> None:
    coco = COCO(str(demo / f'annotations/instances_{split}.json'))
    assert [c['name'] for c in coco.loadCats(coco.getCatIds())] == list(THING_CLASSES)
    assert len(coco.imgs) == SMALL[f'num_{split}']
    for image in coco.imgs.values():
        semantic = _semantic(demo, split, image['file_name'])
        assert semantic.shape == (image['height'], image['width']) == SMALL['size']
        assert Image.open(demo / 'images' / split / image['file_name']).size == semantic.shape[::-1]
        from_instances = np.full(semantic.shape, VOID, dtype=np.uint8)
        claimed = np.zeros(semantic.shape, dtype=int)
        for annotation in coco.imgToAnns[image['id']]:
            mask = coco.annToMask(annotation).astype(bool)
            ys, xs = np.nonzero(mask)
            box = [xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1]
            assert annotation['area'] == mask.sum() and annotation['bbox'] == box
            assert annotation['iscrowd'] == 0
            from_instances[mask] = annotation['category_id'] - 1
            claimed += mask
        assert claimed.max() <= 1
        things = np.where(semantic < len(THING_CLASSES), semantic, VOID)
        assert np.array_equal(from_instances, things)


@pytest.mark.parametrize('split', ['train', 'val'])
def test_panoptic_agrees_with_the_semantic_mask(demo: Path, split: str) -> None:
    panoptic = json.loads((demo / f'annotations/panoptic_{split}.json').read_text())
    instances = COCO(str(demo / f'annotations/instances_{split}.json'))
    assert [c['name'] for c in panoptic['categories']] == list(CLASSES)
    assert [c['isthing'] for c in panoptic['categories']] == [1] * 6 + [0] * 3
    for image, entry in zip(panoptic['images'], panoptic['annotations'], strict=True):
        assert entry['image_id'] == image['id']
        picture = np.array(Image.open(demo / f'annotations/panoptic_{split}' / entry['file_name']))
        ids = picture.astype(np.int64) @ [1, 256, 65536]
        semantic = np.full(ids.shape, VOID, dtype=np.uint8)
        for segment in entry['segments_info']:
            mask = ids == segment['id']
            assert mask.sum() == segment['area'] > 0
            semantic[mask] = segment['category_id'] - 1
        assert set(np.unique(ids)) - {0} == {s['id'] for s in entry['segments_info']}
        assert np.array_equal(semantic, _semantic(demo, split, image['file_name']))
        things = [s for s in entry['segments_info'] if s['category_id'] <= len(THING_CLASSES)]
        boxes = sorted(a['bbox'] for a in instances.imgToAnns[image['id']])
        assert sorted(s['bbox'] for s in things) == boxes


def test_ids_do_not_clash_between_splits(demo: Path) -> None:
    ids = [set(COCO(str(demo / f'annotations/instances_{s}.json')).imgs) for s in ('train', 'val')]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize('rows', ['0000', '1111', '1001', '0110', '1000', '0001'])
def test_rle_round_trip(rows: str) -> None:
    mask = np.array([[c == '1' for c in rows], [c == '0' for c in rows]])
    rle = encode_rle(mask)
    flat = np.repeat(np.arange(len(rle['counts'])) % 2, rle['counts']).astype(bool)
    assert np.array_equal(flat.reshape(rle['size'], order='F'), mask)


def test_same_seed_gives_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    ensure_demo(tmp_path / 'again', **SMALL)
    assert _contents(demo) == _contents(tmp_path / 'again')
    ensure_demo(tmp_path / 'other', **{**SMALL, 'seed': 4})
    name = Path('images/train/train_00000.jpg')
    assert _contents(demo)[name] != _contents(tmp_path / 'other')[name]


def test_an_image_does_not_depend_on_the_counts(demo: Path, tmp_path: Path) -> None:
    ensure_demo(tmp_path / 'fewer', **{**SMALL, 'num_train': 2, 'num_val': 1})
    fewer = {k: v for k, v in _contents(tmp_path / 'fewer').items() if k.suffix != '.json'}
    assert fewer and all(_contents(demo)[k] == v for k, v in fewer.items())


def test_a_complete_set_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / 'set'
    assert ensure_demo(root, **SMALL)
    before = {p: p.stat().st_mtime_ns for p in root.rglob('*')}
    assert not ensure_demo(root, **SMALL)
    assert {p: p.stat().st_mtime_ns for p in root.rglob('*')} == before


@pytest.mark.parametrize('damage', ['lost_file', 'cut_file', 'lost_stamp', 'broken_stamp'])
def test_a_damaged_set_is_rebuilt(demo: Path, tmp_path: Path, damage: str) -> None:
    root = tmp_path / 'set'
    ensure_demo(root, **SMALL)
    if damage == 'lost_file':
        (root / 'annotations/val/val_00001.png').unlink()
    elif damage == 'cut_file':
        (root / 'images/train/train_00002.jpg').write_bytes(b'')
    elif damage == 'lost_stamp':
        (root / 'demo.json').unlink()
    else:
        (root / 'demo.json').write_text('{"seed": ')
    assert ensure_demo(root, **SMALL)
    assert _contents(root) == _contents(demo)


def test_other_parameters_replace_the_set(tmp_path: Path) -> None:
    root = tmp_path / 'set'
    ensure_demo(root, **SMALL)
    assert ensure_demo(root, **{**SMALL, 'num_val': 1})
    assert len(list((root / 'images/val').iterdir())) == 1


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    leftover = tmp_path / '.set.part-abc' / 'new' / 'images'
    leftover.mkdir(parents=True)
    (leftover / 'train_00000.jpg').write_bytes(b'half')
    ensure_demo(tmp_path / 'set', **SMALL)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['.set.lock', 'set']


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*args: object) -> None:
        raise OSError('No space left on device')

    monkeypatch.setattr('spikedense.datasets.demo_generator._save_json', full_disk)
    with pytest.raises(OSError, match='No space left'):
        ensure_demo(tmp_path / 'set', **SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ['.set.lock']


@pytest.mark.parametrize('name', ['notes.txt', 'images/train/holiday.jpg'])
def test_a_folder_of_someone_else_is_not_touched(tmp_path: Path, name: str) -> None:
    path = tmp_path / 'set' / name
    path.parent.mkdir(parents=True)
    path.write_text('mine')
    with pytest.raises(FileExistsError, match=name):
        ensure_demo(tmp_path / 'set', **SMALL)
    assert path.read_text() == 'mine'


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(size=(16, 64)), r'size is \(16, 64\)'),
        (dict(size=(64,)), r'size is \(64,\)'),
        (dict(num_val=0), 'num_val is 0, expected 1'),
        (dict(seed=-1), 'seed is -1'),
    ],
)
def test_wrong_parameters(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ensure_demo(tmp_path / 'set', **{**SMALL, **change})
    assert not list(tmp_path.iterdir())


def _ensure_at_barrier(root: Path, barrier: object, results: object) -> None:
    barrier.wait(timeout=60)
    results.put((ensure_demo(root, **SMALL), len(list((root / 'images/train').iterdir()))))


def test_of_several_processes_one_writes(demo: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context('fork')
    barrier, results = context.Barrier(3), context.Queue()
    arguments = (tmp_path / 'set', barrier, results)
    workers = [context.Process(target=_ensure_at_barrier, args=arguments) for _ in range(3)]
    for worker in workers:
        worker.start()
    outcomes = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(timeout=60)
    assert sorted(outcomes) == [(False, 6), (False, 6), (True, 6)]
    assert _contents(tmp_path / 'set') == _contents(demo)


def test_defaults_are_the_documented_ones() -> None:
    assert DemoSpec() == DemoSpec(seed=0, size=(128, 128), num_train=200, num_val=50)

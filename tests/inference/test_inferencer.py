"""The inferencers: what goes in, what comes out and is written; that a test says the same."""

import copy
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from inferencer_models import NAMES, SIZE, Model, predictions_in_a_test
from mmdet.structures import DetDataSample
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from PIL import Image

from spikedense.checks.model import build_model
from spikedense.errors import UserError
from spikedense.inference import open_inferencer
from spikedense.inference.inferencer import Inferencer
from spikedense.inference.inputs import list_images
from spikedense.inference.seg_inferencer import SegInferencer, SwiftVisualizer
from spikedense.visualization.det_samples import drawn_prediction, visible


def mask_of(encoded: dict) -> np.ndarray:
    from pycocotools import mask

    return mask.decode(encoded).astype(bool)


# What comes out


def test_segmentation_is_that_of_a_test(
    seg_model: Model, segment: SegInferencer, images: Path
) -> None:
    predictions = segment(images, progress=False)
    assert [prediction.name for prediction in predictions] == NAMES
    for prediction, sample in zip(predictions, predictions_in_a_test(*seg_model), strict=True):
        wanted = sample.pred_sem_seg.data[0].numpy()
        assert prediction.labels.shape == SIZE and prediction.labels.dtype == np.uint8
        assert (prediction.labels == wanted).all()
        assert len(np.unique(wanted)) > 1
        assert sum(prediction.shares.values()) == pytest.approx(1)
        for name, share in prediction.shares.items():
            assert share == (wanted == segment.classes.index(name)).mean() > 0


def test_detection_is_that_of_a_test(det_model: Model, detect: Inferencer, images: Path) -> None:
    predictions = detect(images, progress=False, score_thr=0.0)
    for prediction, sample in zip(predictions, predictions_in_a_test(*det_model), strict=True):
        wanted = sample.pred_instances.numpy()
        found = prediction.instances
        assert prediction.size == SIZE
        assert len(found) == len(wanted) > 0
        assert np.array_equal([one.box for one in found], wanted.bboxes)
        assert np.array_equal([one.score for one in found], wanted.scores)
        assert [one.class_name for one in found] == [detect.classes[i] for i in wanted.labels]
        assert all((mask_of(a.mask) == b).all() for a, b in zip(found, wanted.masks, strict=True))
        rebuilt = np.full(SIZE, len(detect.classes))
        for one in prediction.segments:
            mask = mask_of(one.mask)
            assert (rebuilt[mask] == len(detect.classes)).all() and mask.sum() == one.area > 0
            assert one.class_name == detect.classes[one.label] and one.is_thing == (one.label < 6)
            rebuilt[mask] = one.label
        assert prediction.segments
        assert (rebuilt == sample.pred_panoptic_seg.sem_seg[0].numpy() % 1000).all()


def test_a_built_model_gets_the_weights(
    seg_model: Model, segment: SegInferencer, images: Path
) -> None:
    network = build_model(seg_model[0])
    other = SegInferencer(*seg_model, device='cpu', network=network)
    assert other.model is network and not network.training
    image = images / f'{NAMES[0]}.jpg'
    (found,), (wanted,) = other(image, progress=False), segment(image, progress=False)
    assert (found.labels == wanted.labels).all()


def test_score_thr_leaves_out_instances(detect: Inferencer, images: Path) -> None:
    image = images / f'{NAMES[0]}.jpg'
    (every,) = detect(image, progress=False, score_thr=0.0)
    middle = float(np.median([one.score for one in every.instances]))
    (some,) = detect(image, progress=False, score_thr=middle)
    assert some.instances == [one for one in every.instances if one.score >= middle]
    assert 0 < len(some.instances) < len(every.instances)


@pytest.mark.parametrize('kind', ['segment', 'detect'])
def test_batches_change_nothing(
    kind: str, request: pytest.FixtureRequest, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    infer = request.getfixturevalue(kind)
    # Torch sums in another order for another batch: in float32 a spike may flip.
    monkeypatch.setattr(infer, 'model', copy.deepcopy(infer.model).double())
    sizes: list[int] = []
    forward = infer.model.test_step
    monkeypatch.setattr(
        infer.model, 'test_step', lambda data: sizes.append(len(data['inputs'])) or forward(data)
    )
    mixed = [images, np.zeros((32, 64, 3), np.uint8), images / f'{NAMES[1]}.jpg']
    singles = infer(mixed, progress=False)
    assert sizes == [1] * 8
    sizes.clear()
    batches = infer(mixed, batch_size=4, progress=False)
    assert sizes == [4, 2, 1, 1]
    for single, batched in zip(singles, batches, strict=True):
        if kind == 'segment':
            assert (single.labels == batched.labels).all()
        else:
            assert single.segments == batched.segments
            assert np.allclose(
                [one.box for one in single.instances], [one.box for one in batched.instances]
            )


def test_inferencers_of_two_libraries_take_turns(
    segment: SegInferencer, detect: Inferencer, images: Path
) -> None:
    image = images / f'{NAMES[0]}.jpg'
    before = segment(image, progress=False)[0].labels, detect(image, progress=False)[0]
    streams = zip(
        segment.predict([image] * 2, progress=False),
        detect.predict([image] * 2, progress=False),
        strict=True,
    )
    for segmented, detected in streams:
        assert (segmented.labels == before[0]).all()
        assert detected.segments == before[1].segments
    assert DefaultScope.get_current_instance() is None


# What goes in


def test_a_file_an_array_a_pattern_and_a_list(segment: SegInferencer, images: Path) -> None:
    path = images / f'{NAMES[0]}.jpg'
    array = cv2.imread(str(path))
    (by_path,) = segment(str(path), progress=False)
    (by_array,) = segment(array, progress=False)
    assert by_array.path is None and by_path.path == str(path)
    by_pattern = segment(str(images / 'val_0000[03].jpg'), progress=False)
    assert [prediction.name for prediction in by_pattern] == [NAMES[0], NAMES[3]]
    by_list = segment([array, path], progress=False)
    for prediction in (by_array, by_pattern[0], *by_list):
        assert (prediction.labels == by_path.labels).all()
    first, second = (int(one.name.removeprefix('array_')) for one in (by_array, by_list[0]))
    assert second == first + 1  # frames given one by one do not overwrite each other


def test_frames_keep_their_order(tmp_path: Path) -> None:
    for name in ('f10.png', 'f9.png', 'F2.PNG', '.f0.png'):
        Image.new('RGB', (4, 4)).save(tmp_path / name)
    (tmp_path / 'notes.txt').write_text('no image')
    (tmp_path / 'f1.png').mkdir()
    names = [image.name for image in list_images(tmp_path, iter(()))]
    assert names == ['F2', 'f9', 'f10']
    assert [image.name for image in list_images(f'{tmp_path}/*', iter(()))] == names


def test_names_are_unique(tmp_path: Path) -> None:
    for name in ('a/x.png', 'b/x.png', 'b/x_2.png', 'b/x.jpg'):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new('RGB', (4, 4)).save(path)
    listed = list_images([tmp_path / 'a', tmp_path / 'b'], iter(()))
    assert [image.name for image in listed] == ['x', 'x_2', 'x_3', 'x_2_2']


# What is written


def test_files_of_a_segmentation(segment: SegInferencer, images: Path, tmp_path: Path) -> None:
    predictions = segment([images, images], out_dir=tmp_path, batch_size=2, progress=False)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob('*.*'))
    names = [*NAMES, *(f'{name}_2' for name in NAMES)]
    kinds = (('labels', 'png'), ('overlays', 'png'), ('predictions', 'json'))
    assert files == sorted(f'{kind}/{name}.{end}' for kind, end in kinds for name in names)
    for prediction in predictions:
        content = json.loads((tmp_path / f'predictions/{prediction.name}.json').read_text())
        assert content['image'] == prediction.path
        assert (content['height'], content['width']) == SIZE
        assert {one['class']: one['share'] for one in content['classes']} == prediction.shares
        assert [segment.classes[one['label']] for one in content['classes']] == [*prediction.shares]
        labels = np.array(Image.open(tmp_path / content['label_map']))
        assert (labels == prediction.labels).all()


def test_overlay_colours_the_image(segment: SegInferencer, images: Path, tmp_path: Path) -> None:
    image = cv2.imread(str(images / f'{NAMES[0]}.jpg'))
    for opacity in (0.0, 1.0):
        (prediction,) = segment(image, out_dir=tmp_path, opacity=opacity, progress=False)
        drawn = np.array(Image.open(tmp_path / f'overlays/{prediction.name}.png'))
        palette = np.array(segment.model.dataset_meta['palette'])
        wanted = palette[prediction.labels] if opacity else image[..., ::-1]
        assert (drawn == wanted).all()


def test_names_are_placed_where_mmseg_places_them(segment: SegInferencer) -> None:
    masks = np.random.default_rng(0).random((20, 30, 40)) < 0.5
    theirs = super(SwiftVisualizer, segment.visualizer)._get_center_loc
    for mask in masks.astype(np.uint8):
        assert (segment.visualizer._get_center_loc(mask) == theirs(mask)).all()


def test_files_of_a_detection(detect: Inferencer, images: Path, tmp_path: Path) -> None:
    predictions = detect(images, out_dir=tmp_path, score_thr=0.0, progress=False)
    assert not (tmp_path / 'labels').exists()
    for prediction in predictions:
        overlay = Image.open(tmp_path / f'overlays/{prediction.name}.png')
        assert overlay.size == SIZE[::-1]
        assert (np.array(overlay) != np.array(Image.open(prediction.path))).any()
        content = json.loads((tmp_path / f'predictions/{prediction.name}.json').read_text())
        assert len(content['instances']) == len(prediction.instances)
        for written, found in zip(content['instances'], prediction.instances, strict=True):
            assert (written['class'], written['box']) == (found.class_name, found.box)
            assert (mask_of(written['mask']) == mask_of(found.mask)).all()
        assert [one['area'] for one in content['segments']] == [
            one.area for one in prediction.segments
        ]


@pytest.mark.parametrize('score_thr', [0.0, 1.0])
def test_detector_without_panoptic_segments(
    det_model: Model, images: Path, tmp_path: Path, score_thr: float
) -> None:
    options = {'model.test_cfg.panoptic_on': False}
    infer = open_inferencer(*det_model, device='cpu', cfg_options=options)
    (found,) = infer(
        images / f'{NAMES[0]}.jpg', out_dir=tmp_path, score_thr=score_thr, progress=False
    )
    assert found.segments is None and bool(found.instances) == (score_thr == 0)
    image = np.array(Image.open(found.path))
    drawn = np.array(Image.open(tmp_path / f'overlays/{found.name}.png'))
    assert (drawn != image).any() == (score_thr == 0)
    assert 'segments' not in json.loads((tmp_path / f'predictions/{found.name}.json').read_text())


def test_nothing_found_is_drawn_too(det_model: Model, images: Path, tmp_path: Path) -> None:
    options = {'model.test_cfg.object_mask_thr': 1.0}
    infer = open_inferencer(*det_model, device='cpu', cfg_options=options)
    (found,) = infer(images / f'{NAMES[0]}.jpg', out_dir=tmp_path, progress=False)
    assert found.segments == []
    assert (tmp_path / f'overlays/{found.name}.png').is_file()


@pytest.mark.parametrize('kept', ['overlays', 'json'])
def test_only_what_is_wanted_is_written(
    segment: SegInferencer, images: Path, tmp_path: Path, kept: str
) -> None:
    wanted = {'overlays': False, 'json': False, kept: True}
    segment(images / f'{NAMES[0]}.jpg', out_dir=tmp_path, progress=False, **wanted)
    folders = {path.name for path in tmp_path.iterdir()}
    assert folders == ({'overlays'} if kept == 'overlays' else {'labels', 'predictions'})


def test_a_failed_write_leaves_nothing(
    segment: SegInferencer, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*paths: object) -> None:
        raise OSError('disk full')

    monkeypatch.setattr('os.replace', fail)
    with pytest.raises(OSError, match='disk full'):
        segment(images, out_dir=tmp_path, progress=False)
    assert not [path for path in tmp_path.rglob('*') if path.is_file()]


def test_instances_without_pixels_are_in_no_output() -> None:
    masks = torch.zeros(3, 4, 4, dtype=torch.bool)
    masks[:2, 1:3, 1:3] = True
    found = InstanceData(
        scores=torch.tensor([0.9, 0.1, 0.8]), labels=torch.tensor([0, 1, 2]), masks=masks
    )
    assert visible(found, 0.3).labels.tolist() == [0]
    sample = DetDataSample(pred_instances=found)
    assert drawn_prediction(sample, 3, 0.3, factor=2).pred_instances.masks.shape == (1, 8, 8)


def test_a_folder_with_inputs_takes_no_outputs(
    segment: SegInferencer, images: Path, tmp_path: Path
) -> None:
    shutil.copytree(images, tmp_path / 'data' / 'images')
    before = sorted(tmp_path.rglob('*'))
    for folder in (tmp_path / 'data', tmp_path / 'data' / 'images'):
        with pytest.raises(UserError, match='holds the input'):
            segment(tmp_path / 'data' / 'images', out_dir=folder, progress=False)
    assert sorted(tmp_path.rglob('*')) == before

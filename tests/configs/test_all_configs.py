"""Every config: it is well-formed, its model trains one step and predicts, at reduced size."""

import copy
import io
import re
import tokenize
from pathlib import Path
from typing import Any

import pytest
import torch
from config_groups import (
    Group,
    config_of,
    grouped,
    network_key,
    reduced_config_of,
    training_key,
)
from contract import wake
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DATASETS, init_default_scope
from reduced_models import (
    IMAGE_SIZE,
    build_model,
    crop_of,
    has_anchors,
    head_of,
    image_size_of,
    is_classifier,
    is_detector,
    is_pretraining,
    is_stock,
    num_classes_of,
    num_things_of,
    random_batch,
)

from spikedense.checks.pretraining import reduced_rate
from spikedense.utils.config_path import config_root, list_configs
from spikedense.utils.images import random_images
from spikedense.utils.metafile import load_metafile

CONFIGS = list_configs()
FPN = 'fpn_sdtv3-demo_1xb8-300i_demo-128x128.py'
SPIKE2FORMER = 'spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'

#: method _ backbone _ GPUs x batch - budget (epochs, k or single iterations) _ data set - crop
NAME = re.compile(
    r'(?P<method>[a-z0-9-]+)_(?P<backbone>[a-z0-9.-]+)_(?P<gpus>\d+)xb(?P<batch>\d+)'
    r'-(?P<budget>\d+[eki])_(?P<data>[a-z0-9-]+)-(?P<side1>\d+)x(?P<side2>\d+)'
)
#: A string that starts in the root or in somebody's home.
ABSOLUTE_PATH = re.compile(r"""['"](/|~|[A-Za-z]:\\)""")

#: Awake, these neurons saturate behind an attention, and no gradient passes: their integers are not
#: divided, they have a level or two, or shortcuts add up without a norm. A stock net starts with
#: sampling weights of zero.
SATURATING = re.compile(
    '/mask2former_|-residual-mask-head_|-legacy_|-ilif_|-norm-in-cross-attention_|-1x1_|-1x2_'
)

#: Parameters of the published architectures: backbone, neck, head (150 classes).
PARAMETERS = {
    'sdt_v2/fpn_sdtv2-15m-lif-t4_4xb8-160k_ade20k-512x512.py': (14751208, 665600, 1053334),
    'sdt_v2/fpn_sdtv2-15m-nilif-1x4_4xb8-160k_ade20k-512x512.py': (14751208, 667648, 1053334),
    'sdt_v2/fpn_sdtv2-55m-lif-t4_4xb5-80k_ade20k-512x512.py': (54709248, 2639872, 1643158),
    'sdt_v3/fpn_sdtv3-5m_4xb16-160k_ade20k-512x512.py': (4912608, 631808, 1053334),
    'sdt_v3/fpn_sdtv3-10m_4xb16-160k_ade20k-512x512.py': (9782112, 645120, 1053334),
    'sdt_v3/fpn_sdtv3-19m_4xb16-160k_ade20k-512x512.py': (18626504, 667648, 1053334),
}


def path_of(name: str) -> str:
    return str(config_root() / name)


def code_lines(text: str) -> int:
    """Lines that hold code: no blank line, no comment."""
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines)


def test_there_are_configs() -> None:
    assert {Path(name).parts[0] for name in CONFIGS} >= {'sdt_v2', 'sdt_v3'}


@pytest.mark.parametrize('name', CONFIGS)
def test_file_is_short_and_portable(name: str) -> None:
    text = Path(path_of(name)).read_text(encoding='utf-8')
    assert code_lines(text) < 20
    assert not ABSOLUTE_PATH.search(text)
    assert not [c for c in text if ord(c) > 127], 'configs are plain ASCII'


@pytest.mark.parametrize('folder', ['datasets', 'models', 'schedules'])
def test_base_files_are_portable(folder: str) -> None:
    files = sorted((config_root() / '_base_' / folder).glob('*.py'))
    assert files
    for file in files:
        assert not ABSOLUTE_PATH.search(file.read_text(encoding='utf-8')), file


@pytest.mark.parametrize('name', CONFIGS)
def test_name_says_what_the_config_does(name: str) -> None:
    match = NAME.fullmatch(Path(name).stem)
    assert match, f'{name}: expected METHOD_BACKBONE_GPUSxbBATCH-BUDGET_DATA-SIDExSIDE.py'
    cfg = config_of(name)
    number, unit = int(match['budget'][:-1]), match['budget'][-1]
    if unit == 'e':
        assert cfg.train_cfg.max_epochs == number
        assert cfg.log_processor.by_epoch
    else:
        assert cfg.train_cfg.max_iters == number * dict(k=1000, i=1)[unit]
    assert cfg.train_dataloader.batch_size == int(match['batch'])
    assert sorted(crop_of(cfg)) == sorted([int(match['side1']), int(match['side2'])])


@pytest.mark.parametrize('name', CONFIGS)
def test_a_killed_run_loses_little(name: str) -> None:
    hook = config_of(name).default_hooks.checkpoint
    # An epoch of ImageNet has 625 iterations of 2,048 images.
    by_epoch = re.search('_(cifar100|imagenet)-', name)
    assert by_epoch if hook.get('by_epoch', True) else hook.interval <= 1000
    assert hook.max_keep_ckpts >= 2


@pytest.mark.parametrize('name', CONFIGS)
def test_config_starts_from_no_file(name: str) -> None:
    cfg = config_of(name)
    assert cfg.load_from is None
    assert cfg.resume is False
    assert cfg.model.backbone.get('init_cfg') is None
    assert cfg.default_scope in ('mmseg', 'mmdet', 'mmpretrain')


def optimizer_of(cfg: Config, model: torch.nn.Module) -> Any:
    """The optimizer of a config, which moves a parameter by its gradient alone."""
    wrapper = copy.deepcopy(cfg.optim_wrapper)
    wrapper.type = 'OptimWrapper'  # AmpOptimWrapper exists on a GPU only
    wrapper.optimizer.weight_decay = 0  # it moves parameters without any gradient
    init_default_scope(cfg.default_scope)  # an optimizer may be of one library
    return build_optim_wrapper(model, wrapper)


GROUPS = grouped('training', CONFIGS)


def test_every_config_is_of_one_group() -> None:
    for by in ('training', 'network'):
        groups = grouped(by, CONFIGS)
        assert sorted(name for group in groups for name in group) == CONFIGS
    assert len(GROUPS) < len(CONFIGS) / 1.5, 'runs are saved'


@pytest.mark.parametrize('name', ['model', 'head', 'neuron', 'loss', 'frozen', 'optimizer', 'rows'])
def test_what_differs_gets_a_run_of_its_own(name: str) -> None:
    detector = next(config for config in CONFIGS if config.startswith('mask_rcnn/'))
    cfg = reduced_config_of(detector if name == 'rows' else 'sdt_v3/' + FPN)
    before = training_key(cfg), network_key(cfg)
    if name == 'model':
        cfg.model.backbone.depths = [1, 1, 1, 1, 1]
    elif name == 'head':
        cfg.model.decode_head.channels = 16
    elif name == 'neuron':
        cfg.model.neck.neuron_cfg = dict(type='spikedense.LIF')
    elif name == 'loss':
        cfg.model.decode_head.loss_decode.loss_weight = 2.0
    elif name == 'frozen':
        cfg.model.backbone.frozen_stages = 1
    elif name == 'optimizer':
        cfg.optim_wrapper.optimizer.type = 'SGD'
    else:
        cfg.model.roi_head.mask_head.num_classes += 1
    after = training_key(cfg), network_key(cfg)
    assert after[0] != before[0]
    assert (after[1] != before[1]) == (name not in ('loss', 'optimizer'))


@pytest.mark.parametrize('number', [1, 150])
def test_only_one_class_is_another_case_than_several(number: int) -> None:
    cfg = reduced_config_of('sdt_v3/' + FPN)
    before = training_key(cfg), network_key(cfg)
    cfg.model.decode_head.num_classes = number
    for found, expected in zip((training_key(cfg), network_key(cfg)), before, strict=True):
        assert (found == expected) == (number > 1)


def test_weights_of_classes_have_to_be_as_many_as_they_are() -> None:
    cfg = reduced_config_of(SPIKE2FORMER)
    loss, number = cfg.model.decode_head.loss_cls, num_classes_of(cfg)
    loss.class_weight = [1.0] * number + [0.1]
    before = training_key(cfg)
    for weights, same in (
        ([2.0] * (number + 1), True),
        ([0.0] * (number + 1), False),
        ([1.0] * number, False),
        ([1.0] * (number - 1), False),
    ):
        loss.class_weight = weights
        assert (training_key(cfg) == before) is same


@pytest.mark.parametrize('group', GROUPS, ids=' '.join)
def test_reduced_model_trains_and_predicts(group: Group) -> None:
    (saturating,) = {bool(SATURATING.search(name)) for name in group}
    cfg = reduced_config_of(group[0])
    # Awake, the last map is above the largest integer everywhere: a window there is closed.
    head = cfg.model.get('head', {})
    ends_in_neuron = (
        is_classifier(cfg)
        and head.get('neuron_at') not in ('nowhere', 'second')
        and head.neuron_cfg.type == 'NILIF'
    )
    (as_it_is,) = {is_stock(name) or 'relu' in name or ends_in_neuron for name in group}
    model = build_model(cfg)
    optimizer = optimizer_of(cfg, model)
    # Biases and norms may stand in front of a norm that undoes them; weights of layers never do.
    weights = {key: value for key, value in model.named_parameters() if value.dim() > 1}
    still = list(weights)
    for i in range(12):  # a neuron may happen to be saturated by one batch, or by one waking
        if i % 6 == 0:
            if not as_it_is:  # awake as they are; products would overflow
                wake(model, random_images(model, image_size_of(cfg), 2))
            model.train()
            if 'teacher' in cfg.model:
                model.teach = lambda images: torch.arange(len(images))
        data = model.data_preprocessor(random_batch(cfg), True)
        loss, _ = model.parse_losses(model(**data, mode='loss'))
        loss.backward()
        assert torch.isfinite(loss)
        still = [key for key, value in weights.items() if not _moves(value)]
        if not still:
            break
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:  # no exceptions are known
            assert parameter.grad is not None, f'{key} got no gradient'
            assert torch.isfinite(parameter.grad).all(), f'{key} got a gradient that is not finite'
    if saturating:
        assert len(still) < len(weights) / 2
    else:
        assert still == []
    before = {key: value.detach().clone() for key, value in model.named_parameters()}
    optimizer.step()
    assert [key for key, value in weights.items() if torch.equal(before[key], value)] == still

    model.eval()
    if is_pretraining(cfg):
        return
    with torch.no_grad():
        results = model.test_step(random_batch(cfg))
    for result in results:
        if is_classifier(cfg):
            check_scores(cfg, result)
        else:
            check = check_detections if is_detector(cfg) else check_labels
            check(cfg, result)


def _moves(parameter: torch.Tensor) -> bool:
    """Whether a gradient has reached a parameter."""
    return parameter.grad is not None and bool(parameter.grad.norm() > 0)


def check_scores(cfg: Config, result: Any) -> None:
    assert result.pred_score.shape == (num_classes_of(cfg),)
    torch.testing.assert_close(result.pred_score.sum(), torch.tensor(1.0))


def check_labels(cfg: Config, result: Any) -> None:
    labels = result.pred_sem_seg.data
    assert labels.shape == (1, *IMAGE_SIZE)
    assert labels.min() >= 0 and labels.max() < num_classes_of(cfg)
    assert torch.isfinite(result.seg_logits.data).all()


def check_detections(cfg: Config, result: Any) -> None:
    found = result.pred_instances
    assert len(found) > 0
    if 'bbox_head' not in cfg.model:
        assert found.masks.shape == (len(found), *IMAGE_SIZE)
    assert found.labels.min() >= 0 and found.labels.max() < num_things_of(cfg)
    assert torch.isfinite(found.scores).all() and torch.isfinite(found.bboxes).all()
    if cfg.model.test_cfg.get('panoptic_on'):
        segments = result.pred_panoptic_seg.sem_seg
        assert segments.shape == (1, *IMAGE_SIZE)
        assert (segments % 1000).max() <= num_classes_of(cfg)


@pytest.fixture(scope='module', params=CONFIGS)
def at_full_size(request: pytest.FixtureRequest) -> tuple[str, torch.nn.Module]:
    """The name of each config, and its model at full size without memory for its weights."""
    with torch.device('meta'):
        return request.param, build_model(config_of(request.param))


@pytest.fixture(scope='module')
def optimizer(at_full_size: tuple[str, torch.nn.Module]) -> Any:
    """The optimizer of the model."""
    name, model = at_full_size
    return optimizer_of(config_of(name), model)


def test_optimizer_is_built(at_full_size: tuple[str, torch.nn.Module], optimizer: Any) -> None:
    name, model = at_full_size
    cfg = config_of(name)
    settings = {id(p): group for group in optimizer.param_groups for p in group['params']}
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert settings[id(parameter)]['lr'] > 0, f'{key} would not learn'
    clip = cfg.optim_wrapper.get('clip_grad')
    assert clip is None or clip.max_norm > 0
    assert num_classes_of(reduced_config_of(name)) == num_classes_of(cfg)


def test_only_pretrained_backbones_learn_slowly(
    at_full_size: tuple[str, torch.nn.Module], optimizer: Any
) -> None:
    """A reduced rate keeps weights that a config cannot have if it is meant from scratch."""
    name, model = at_full_size
    pretraining = metadata_of(name)['Pretraining']
    rates = reduced_rate(model, optimizer)
    assert rates is None or pretraining != 'none'
    from_scratch = (
        re.search(
            '_(camvid|camvid-patches|cifar100|demo|demo-[a-z]+|faces|imagenet|pennfudan)-', name
        )
        is not None
    )
    if re.search('/classifier-(mae|kd)_', name):
        assert pretraining == ('MAE' if '-mae_' in name else 'earlier run')
        return
    assert (pretraining == 'none') is from_scratch


def metadata_of(name: str) -> dict[str, Any]:
    """What the metafile says of a config."""
    config = Path(name)
    entries = load_metafile(config_root() / config.parent / 'metafile.yml')['Models']
    (entry,) = [entry for entry in entries if entry['Name'] == config.stem]
    return entry['Metadata']


def test_parameters_are_those_of_the_metafile(at_full_size: tuple[str, torch.nn.Module]) -> None:
    name, model = at_full_size
    assert metadata_of(name)['Parameters'] == sum(p.numel() for p in model.parameters())
    if name in PARAMETERS:
        parts = (model.backbone, model.neck, model.decode_head)
        assert (
            tuple(sum(p.numel() for p in part.parameters()) for part in parts) == (PARAMETERS[name])
        )


def test_widths_and_classes_agree(at_full_size: tuple[str, torch.nn.Module]) -> None:
    name, built = at_full_size
    cfg = config_of(name)
    if not is_stock(name):
        check_widths(cfg, built.backbone)
    if is_pretraining(cfg):
        assert cfg.get('val_dataloader') is None
        return
    with DATASETS.switch_scope_and_registry(cfg.default_scope) as registry:
        dataset = registry.get(cfg.val_dataloader.dataset.type)
    metainfo = cfg.val_dataloader.dataset.get('metainfo', dataset.METAINFO)
    if 'classes' in metainfo:  # else the data set reads them from its files
        assert num_classes_of(cfg) == len(metainfo['classes'])


def check_widths(cfg: Config, backbone: torch.nn.Module) -> None:
    """Widths and strides of a spiking backbone and of what reads it."""
    model = cfg.model
    first = model.get('neck', head_of(cfg))
    if cfg.default_scope == 'mmpretrain':
        assert [first.in_channels] == list(backbone.out_channels)
        return
    assert list(first.in_channels) == list(backbone.out_channels)
    if has_anchors(cfg):
        check_detector_widths(cfg, backbone.out_strides)
    elif 'neck' in model:
        strides = list(backbone.out_strides)
        if 'scales' in model.neck:  # a neck that makes levels of one map
            strides = [int(strides[0] / scale) for scale in model.neck.scales]
        assert model.neck.get('num_outs', len(strides)) == len(strides)
        assert list(model.decode_head.in_channels) == [model.neck.out_channels] * len(strides)
        assert list(model.decode_head.feature_strides) == strides


def check_detector_widths(cfg: Config, strides: tuple[int, ...]) -> None:
    """Widths, classes and strides of a detector's parts."""
    model = cfg.model
    width = model.neck.out_channels
    first = model.get('rpn_head') or model.bbox_head
    generator = first.anchor_generator
    assert first.in_channels == width and len(generator.strides) == model.neck.num_outs
    extra = [strides[-1] * 2 ** (i + 1) for i in range(model.neck.num_outs - len(strides))]
    if '-legacy_' in cfg.filename:
        assert [*strides, *extra] == [4, 8, 16, 16, 32] and generator.strides == [4, 8, 16, 32, 64]
    else:
        assert generator.strides == [*strides, *extra]
    if 'roi_head' in model:
        roi = model.roi_head
        for kind in ('bbox', 'mask'):
            extractor, head = roi[f'{kind}_roi_extractor'], roi[f'{kind}_head']
            assert extractor.featmap_strides == generator.strides[:4]
            assert extractor.out_channels == head.in_channels == width
        assert roi.mask_head.num_classes == roi.bbox_head.num_classes

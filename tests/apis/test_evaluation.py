"""What --tta and --out change in a config."""

import pytest
from mmengine.config import Config

from spikedense.apis import evaluation
from spikedense.errors import UserError


def _config(library: str) -> Config:
    pack = dict(mmseg='PackSegInputs', mmdet='PackDetInputs', mmpretrain='PackInputs')[library]
    steps = ['LoadImageFromFile', 'Resize', 'LoadAnnotations', pack]
    pipeline = [dict(type=step) for step in steps]
    return Config(
        dict(
            default_scope=library,
            model=dict(type='Model'),
            test_dataloader=dict(dataset=dict(pipeline=pipeline)),
            test_evaluator=dict(type='IoUMetric' if library == 'mmseg' else 'Accuracy'),
        )
    )


@pytest.mark.parametrize('library', ['mmseg', 'mmdet', 'mmpretrain'])
def test_made_up_tta_wraps_the_model(library: str) -> None:
    cfg = _config(library)
    evaluation.add_tta(cfg)
    assert cfg.model.module == dict(type='Model')
    *_, last = cfg.test_dataloader.dataset.pipeline
    assert [flip['prob'] for flip in last.transforms[0]] == [0.0, 1.0]


def test_tta_keeps_the_preprocessor_of_the_model() -> None:
    cfg = _config('mmseg')
    cfg.data_preprocessor = dict(mean=[1])
    evaluation.add_tta(cfg)
    assert cfg.model.module.data_preprocessor == dict(mean=[1])
    cfg = _config('mmseg')
    cfg.data_preprocessor = dict(mean=[1])
    cfg.model.data_preprocessor = dict(mean=[2])
    evaluation.add_tta(cfg)
    # mmengine would give it to the wrapper, which puts it into the model.
    assert 'data_preprocessor' not in cfg
    assert cfg.model.module.data_preprocessor == dict(mean=[2])


def test_tta_reads_averaged_weights_from_the_checkpoint() -> None:
    cfg = _config('mmseg')
    cfg.custom_hooks = [dict(type='EMAHook'), dict(type='Own')]
    evaluation.add_tta(cfg)
    assert cfg.custom_hooks == [dict(type='Own')]


def test_labels_are_not_flipped_in_mmseg() -> None:
    cfg = _config('mmseg')
    evaluation.add_tta(cfg)
    *steps, last = cfg.test_dataloader.dataset.pipeline
    assert [step.type for step in steps] == ['LoadImageFromFile', 'Resize']
    assert [branch[0].type for branch in last.transforms[1:]] == [
        'LoadAnnotations',
        'PackSegInputs',
    ]


def test_tta_of_the_config_comes_first_and_reaches_a_wrapped_data_set() -> None:
    cfg = _config('mmseg')
    cfg.tta_model = dict(type='Own')
    cfg.tta_pipeline = [dict(type='Own')]
    cfg.test_dataloader.dataset = dict(type='Wrapper', dataset=cfg.test_dataloader.dataset)
    evaluation.add_tta(cfg)
    assert cfg.model.type == 'Own'
    assert cfg.test_dataloader.dataset.dataset.pipeline == [dict(type='Own')]


def test_detectors_are_told_of_the_flip() -> None:
    cfg = _config('mmdet')
    cfg.test_dataloader.dataset.pipeline[-1].meta_keys = ('img_id', 'own')
    evaluation.add_tta(cfg)
    (pack,) = cfg.test_dataloader.dataset.pipeline[-1].transforms[-1]
    assert {'own', 'img_id', 'flip', 'flip_direction'} <= set(pack.meta_keys)
    assert len(set(pack.meta_keys)) == len(pack.meta_keys)


def test_tta_of_masks_is_refused_for_detectors() -> None:
    cfg = _config('mmdet')
    cfg.model = dict(type='Mask', roi_head=dict(mask_head=dict(type='Head')))
    with pytest.raises(UserError, match='--tta: mmdet merges the boxes'):
        evaluation.add_tta(cfg)
    cfg.model.roi_head.mask_head = None
    evaluation.add_tta(cfg)


def test_out_goes_to_the_metric_or_to_a_dump() -> None:
    cfg = _config('mmseg')
    evaluation.add_output(cfg, 'maps')
    assert cfg.test_evaluator.output_dir == 'maps'
    for library, dump in (('mmdet', 'mmdet.DumpDetResults'), ('mmpretrain', 'DumpResults')):
        cfg = _config(library)
        evaluation.add_output(cfg, 'a.pkl')
        assert cfg.test_evaluator[1] == dict(type=dump, out_file_path='a.pkl')
        with pytest.raises(UserError, match=r'\.pkl'):
            evaluation.add_output(cfg, 'maps')

"""Wrong input to the tools: one sentence on stderr, exit code 2, nothing written."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, ConfigDict

from spikedense.apis.run_lock import sole_training


def _edited(config: Path, edit: Callable[[Config], object]) -> Path:
    cfg = Config.fromfile(config)
    edit(cfg)
    path = config.with_name(f'{config.stem}_edited.py')
    cfg.dump(path)
    return path


def test_wrong_config_path(refused: Callable, train_tool: Callable) -> None:
    assert "no config 'configs/nothing.py'" in refused(train_tool, 'configs/nothing.py')


def test_config_with_a_syntax_error(
    refused: Callable, train_tool: Callable, tmp_path: Path
) -> None:
    broken = tmp_path / 'broken.py'
    broken.write_text('model = dict(\n')
    assert 'line 1' in refused(train_tool, broken)


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('model.decode_hed.channels=3', "did you mean 'decode_head'"),
        ('model.backbone.norm_evil=True', "did you mean 'norm_eval'"),
        ('train_cfg.max_iter=3', "did you mean 'max_iters'"),
        ('trian_cfg.max_iters=3', "did you mean 'train_cfg'"),
        ('model.test_cfg.mod=slide', "did you mean 'mode'"),
        ('train_dataloader.dataset.pipeline.9.type=X', 'is a list of'),
    ],
)
def test_unknown_key(
    refused: Callable, train_tool: Callable, config: Path, option: str, said: str
) -> None:
    message = refused(train_tool, config, '--work-dir', 'run', '--cfg-options', option)
    assert option.partition('=')[0] in message
    assert said in message


def test_option_without_a_value(
    train_tool: Callable, config: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as stop:
        train_tool([str(config), '--cfg-options', 'train_cfg.max_iters'])
    assert stop.value.code == 2
    assert 'KEY=VALUE' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('model.backbone.type=spikedense.SDTV4', "did you mean 'spikedense.SDTV"),
        ('model.neck.type=SpikeFPN', "did you mean 'spikedense.SpikeFPN'"),
        ('model.decode_head.type=FCNHed', "did you mean 'FCNHead'"),
        ('train_dataloader.dataset.pipeline.0.type=LoadImage', 'LoadImage'),
        ('+model.backbone.nonsense=1', "SDTV3 takes no argument 'nonsense'"),
    ],
)
def test_unknown_class_or_argument(
    refused: Callable, train_tool: Callable, config: Path, option: str, said: str
) -> None:
    message = refused(train_tool, config, '--work-dir', 'run/deep', '--cfg-options', option)
    assert said in message


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('model.backbone.out_indices=2', 'out_indices=2, expected a list of taps among 0..4'),
        ('model.backbone.neuron_cfg.norm=abc', "norm='abc', expected a number"),
        ('model.decode_head.channels=abc', "channels='abc', expected a number, as 16"),
        ('model.decode_head.in_channels=[16,16]', 'in_channels=[16, 16], in_index=[0, 1, 2, 3]'),
        ('param_scheduler=3', 'param_scheduler=3, expected a dict or a list of them'),
        ('visualizer=3', 'visualizer=3, expected a dict'),
        ('load_from=http://127.0.0.1:9/a.pth', "cannot fetch the checkpoint 'http://127.0.0.1:9/"),
    ],
)
def test_value_that_does_not_fit(
    refused: Callable, train_tool: Callable, config: Path, option: str, said: str
) -> None:
    assert said in refused(train_tool, config, '--work-dir', 'run', '--cfg-options', option)


def test_missing_data_folder(refused: Callable, train_tool: Callable, config: Path) -> None:
    def edit(cfg: Config) -> None:
        cfg.train_dataloader.dataset.update(type='spikedense.CamVidDataset')
        cfg.train_dataloader.dataset.update(data_root='data/absent')
        cfg.train_dataloader.dataset.pop('generator')

    message = refused(train_tool, _edited(config, edit), '--work-dir', 'run')
    assert 'data/absent/images/train' in message


def test_empty_data_folder(
    refused: Callable, train_tool: Callable, config: Path, tmp_path: Path
) -> None:
    (tmp_path / 'empty').mkdir()

    def edit(cfg: Config) -> None:
        cfg.train_dataloader.dataset = dict(
            type='BaseSegDataset',
            data_root=str(tmp_path),
            data_prefix=dict(img_path='empty', seg_map_path='empty'),
        )

    message = refused(train_tool, _edited(config, edit), '--work-dir', 'run')
    assert 'BaseSegDataset has no image' in message


def test_nothing_to_resume(refused: Callable, train_tool: Callable, config: Path) -> None:
    assert "no checkpoint in 'run'" in refused(train_tool, config, '--work-dir', 'run', '--resume')
    message = refused(train_tool, config, '--work-dir', 'run', '--resume', 'gone.pth')
    assert "no checkpoint 'gone.pth'" in message


def test_a_second_training_in_one_folder(
    refused: Callable, train_tool: Callable, config: Path, tmp_path: Path
) -> None:
    with sole_training('run', 'none'):
        (tmp_path / 'run' / config.name).write_text('# of the first run')
        said = refused(train_tool, config, '--work-dir', 'run')
        assert f"'run' belongs to the training of process {os.getpid()}, which still runs" in said
        assert (tmp_path / 'run' / config.name).read_text() == '# of the first run'


def test_missing_checkpoint(refused: Callable, test_tool: Callable, config: Path) -> None:
    assert "no checkpoint 'gone.pth'" in refused(test_tool, config, 'gone.pth')


def test_checkpoint_that_is_none(
    refused: Callable, test_tool: Callable, trained: tuple[str, str], config: Path, tmp_path: Path
) -> None:
    half = tmp_path / 'half.pth'
    half.write_bytes(Path(trained[1]).read_bytes()[:20000])
    message = refused(test_tool, config, half, '--work-dir', 'run')
    assert 'incomplete' in message


def test_checkpoint_of_another_model(
    refused: Callable, test_tool: Callable, trained: tuple[str, str], config: Path
) -> None:
    wider = _edited(config, lambda cfg: cfg.model.decode_head.update(num_classes=12))
    message = refused(test_tool, wider, trained[1], '--work-dir', 'run')
    assert 'of another shape: 2 of ' in message
    assert 'decode_head.conv_seg.bias is [9], expected [12]' in message


def test_checkpoint_without_some_weights(
    refused: Callable,
    test_tool: Callable,
    train_tool: Callable,
    trained: tuple[str, str],
    tmp_path: Path,
) -> None:
    checkpoint = torch.load(trained[1], weights_only=True)
    lost = [key for key in checkpoint['state_dict'] if key.startswith('neck.')]
    for key in lost:
        del checkpoint['state_dict'][key]
    part = tmp_path / 'part.pth'
    torch.save(checkpoint, part)
    counted = len([key for key in lost if 'num_batches_tracked' not in key])
    for call in (
        (test_tool, trained[0], part, '--work-dir', 'run'),
        (train_tool, trained[0], '--work-dir', 'run', '--resume', part),
    ):
        assert f'weights missing: {counted} of ' in refused(*call)
    assert 'mIoU' in test_tool([trained[0], str(part), '--work-dir', 'run', '--partial'])


@pytest.mark.parametrize(
    ('state', 'said'),
    [
        ({}, 'its state_dict is empty'),
        ({'downsample1_1.encode_conv.weight': torch.zeros(1)}, 'spikedense convert'),
    ],
)
def test_load_from_of_another_model(
    refused: Callable, train_tool: Callable, config: Path, tmp_path: Path, state: dict, said: str
) -> None:
    torch.save({'state_dict': state}, tmp_path / 'other.pth')
    option = f'load_from={tmp_path / "other.pth"}'
    message = refused(train_tool, config, '--work-dir', 'run', '--cfg-options', option)
    assert said in message


def test_checkpoint_of_a_deeper_model(
    refused: Callable, test_tool: Callable, trained: tuple[str, str], tmp_path: Path
) -> None:
    checkpoint = torch.load(trained[1], weights_only=True)
    checkpoint['state_dict']['backbone.stages.3.blocks.1.scale'] = torch.zeros(1)
    torch.save(checkpoint, tmp_path / 'deeper.pth')
    arguments = (trained[0], tmp_path / 'deeper.pth', '--work-dir', 'run')
    message = refused(test_tool, *arguments)
    assert 'keys unknown to the model: 1 (backbone.stages.3.blocks.1.scale)' in message
    assert 'mIoU' in test_tool([*map(str, arguments), '--partial'])


def test_out_of_a_config_that_has_no_label_maps(
    refused: Callable, test_tool: Callable, trained: tuple[str, str], tmp_path: Path
) -> None:
    config = Path(shutil.copy(trained[0], tmp_path / 'copy.py'))
    other = _edited(config, lambda cfg: cfg.update(test_evaluator=dict(type='DepthMetric')))
    assert '.pkl' in refused(test_tool, other, trained[1], '--out', 'maps')


def test_firing_rates_need_a_folder_and_neurons(
    refused: Callable, test_tool: Callable, trained: tuple[str, str], tmp_path: Path
) -> None:
    arguments = (trained[1], '--work-dir', 'run', '--firing-rates')
    message = refused(test_tool, trained[0], *arguments, 'nowhere/rates.json')
    assert "the folder of 'nowhere/rates.json' does not exist" in message

    def use_relu(node: ConfigDict) -> None:
        for key, value in node.items():
            if key == 'neuron_cfg':
                node[key] = dict(type='spikedense.ReLU')
            elif isinstance(value, ConfigDict):
                use_relu(value)

    twin = _edited(Path(shutil.copy(trained[0], tmp_path / 'copy.py')), use_relu)
    assert 'EncoderDecoder has no spiking neuron' in refused(test_tool, twin, *arguments, 'x.json')


@pytest.mark.parametrize('launcher', ['pytorch', 'slurm', 'mpi'])
def test_launcher_without_its_environment(
    refused: Callable, train_tool: Callable, config: Path, launcher: str
) -> None:
    message = refused(train_tool, config, '--work-dir', 'run', '--launcher', launcher)
    assert f'--launcher {launcher} finds no ' in message


@pytest.mark.parametrize('key', ['val_dataloader', 'val_cfg', 'val_evaluator'])
def test_validation_switched_off_in_part(
    refused: Callable, train_tool: Callable, config: Path, key: str
) -> None:
    said = refused(train_tool, config, '--cfg-options', f'{key}=None')
    assert 'val_dataloader=None val_cfg=None val_evaluator=None' in said


def test_metric_that_is_not_known(
    trained: tuple[str, str], test_tool: Callable, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    options = ['--work-dir', str(tmp_path), '--cfg-options', 'test_evaluator.iou_metrics=[mIou]']
    with pytest.raises(SystemExit):
        test_tool([*trained, *options])
    assert 'error: test_evaluator: IoUMetric: metrics' in capsys.readouterr().err


def test_resume_with_another_optimizer(
    trained: tuple[str, str], refused: Callable, train_tool: Callable
) -> None:
    options = ['optim_wrapper.optimizer.type=Adam', 'train_cfg.max_iters=50']
    said = refused(train_tool, trained[0], '--resume', trained[1], '--cfg-options', *options)
    assert "optim_wrapper.optimizer.type is 'Adam'" in said and "'AdamW'" in said


def test_debug_shows_the_traceback(
    train_tool: Callable, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Exception, match=r'nothing\.py'):
        train_tool(['configs/nothing.py', '--debug'])
    monkeypatch.setenv('SPIKEDENSE_DEBUG', '1')
    with pytest.raises(Exception, match=r'nothing\.py'):
        train_tool(['configs/nothing.py'])

"""The command line that writes a small classification set."""

from pathlib import Path

import pytest
from mmpretrain.datasets import CustomDataset
from PIL import Image

from spikedense.commands.make_patches import main


def test_writes_what_mmpretrain_reads(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / 'patches'
    main([str(config), str(out), '--size', '16', '--per-class', '2', '--test-per-class', '1'])
    told = capsys.readouterr().out
    assert f'{out / "train"}: circle 2, square 2' in told
    classes = sorted(path.name for path in (out / 'test').iterdir())
    read = CustomDataset(data_root=str(out), data_prefix='test', metainfo=dict(classes=classes))
    assert sorted(sample['gt_label'] for sample in read) == list(range(len(classes)))
    with pytest.raises(SystemExit, match='2'):
        main([str(config), str(out)])
    assert 'is not empty, expected a new folder' in capsys.readouterr().err


def test_errors_leave_nothing(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / 'none' / 'patches'
    for source, options, message in (
        (str(config), ['--size', '300'], 'expected at least 300'),
        (str(config), ['--per-class', '0'], '--per-class 0, expected at least 1'),
        ('mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128', [], 'is a config of mmdet'),
    ):
        with pytest.raises(SystemExit, match='2'):
            main([source, str(out), *options])
        assert message in capsys.readouterr().err
        assert not out.exists() and not list(tmp_path.rglob('.part-*'))


def test_photographs_of_faces(tmp_path: Path) -> None:
    pytest.importorskip('skimage')
    main(['faces', str(tmp_path / 'faces')])
    files = sorted((tmp_path / 'faces').rglob('*.png'))
    assert len(files) == 200
    assert Image.open(files[0]).size == (25, 25)
    assert len(list((tmp_path / 'faces/test/face').iterdir())) == 20

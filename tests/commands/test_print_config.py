"""`spikedense print-config`: the merged config, as a file that can be read again."""

from pathlib import Path

import pytest
from mmengine.config import Config

from spikedense.commands.print_config import main

CONFIG = 'spikedense::sdt_v3/fpn_sdtv3-demo_1xb8-300i_demo-128x128'
OPTIONS = [
    '--cfg-options',
    'train_cfg.max_iters=7',
    'train_dataloader.dataset.pipeline=[dict(a=1)]',
]


def test_text_and_file_hold_the_same(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    main([CONFIG, *OPTIONS])
    text = capsys.readouterr().out
    main([CONFIG, *OPTIONS, '--out', str(tmp_path / 'whole.py')])
    cfg = Config.fromfile(tmp_path / 'whole.py')
    assert Config.fromstring(text, '.py').to_dict() == cfg.to_dict()
    assert cfg.train_cfg.max_iters == 7
    assert cfg.train_dataloader.dataset.pipeline == [dict(a=1)]
    assert cfg.model.type == 'EncoderDecoder'


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for words in ([CONFIG, '--out', str(tmp_path)], ['absent'], [CONFIG, '--cfg-options', 'x.y=1']):
        with pytest.raises(SystemExit, match='2'):
            main(words)
        captured = capsys.readouterr()
        assert captured.err.startswith('error: ') and not captured.out

"""docs/published_weights.md, word for word: from an official checkpoint to its score."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from official_states import official_state
from PIL import Image
from torch import Tensor

from spikedense import cli
from spikedense.checks.config import open_config
from spikedense.checks.model import build_model
from spikedense.converters import convert_state_dict
from spikedense.utils.files import sha256_of

COMMAND = re.compile(r'^    spikedense (.*)$', re.MULTILINE)
CONFIG = 'fpn_sdtv3-5m_4xb16-160k_ade20k-512x512'
#: Words of the page -> words of the test.
WORDS = {
    'CONFIG': CONFIG,
    'spikedense/NAME': f'spikedense/{CONFIG}',
    'IMAGES...': 'data/ade/ADEChallengeData2016/images/validation/0.jpg',
}
#: Small images, loaded in this process.
SMALL = [
    'test_dataloader.dataset.pipeline.1.scale=(64,64)',
    'train_dataloader.dataset.pipeline.2.scale=(64,64)',
    'train_dataloader.dataset.pipeline.3.crop_size=(64,64)',
    'model.data_preprocessor.size=(64,64)',
    'train_dataloader.batch_size=2',
    'train_cfg.max_iters=2',
    *(
        f'{split}_dataloader.{key}'
        for split in ('train', 'val', 'test')
        for key in ('num_workers=0', 'persistent_workers=False')
    ),
]


@pytest.fixture
def ade20k(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two images and labels in each split of ADE20K's layout."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    root = tmp_path / 'data' / 'ade' / 'ADEChallengeData2016'
    for split in ('training', 'validation'):
        for kind, shape, suffix in (
            ('images', (64, 80, 3), 'jpg'),
            ('annotations', (64, 80), 'png'),
        ):
            folder = root / kind / split
            folder.mkdir(parents=True)
            for index in range(2):
                pixels = rng.integers(0, 151, shape, dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f'{index}.{suffix}')
    return tmp_path


def official_checkpoint(reference_dir: Path) -> dict[str, Tensor]:
    """Zeros with the official keys, and with the shapes of the config's model.

    The golden neck and head are narrower than the published ones.
    """
    state = official_state('Semantic FPN', reference_dir)
    with torch.device('meta'):
        shapes = build_model(open_config(CONFIG)).state_dict()
    for key in state:
        if not key.startswith('backbone.'):
            (ours,) = convert_state_dict({key: state[key]}).state_dict
            state[key] = torch.zeros(shapes[ours].shape)
    return state


def test_every_command(
    ade20k: Path, repo_root: Path, reference_dir: Path, capfd: pytest.CaptureFixture
) -> None:
    torch.save({'state_dict': official_checkpoint(reference_dir)}, 'OFFICIAL.pth')
    Path('weights').mkdir()
    Path('weights', f'{CONFIG}.pth').symlink_to('../OFFICIAL.pth')
    page = (repo_root / 'docs' / 'published_weights.md').read_text(encoding='utf-8')
    done = []
    for command in COMMAND.findall(page):
        words = [WORDS.get(word, word) for word in shlex.split(command)]
        if words[0] in ('train', 'test', 'infer'):
            words += [*([] if '--cfg-options' in words else ['--cfg-options']), *SMALL]
        assert not cli.main(words), words
        done.append(words[0])
    assert done == ['convert', 'test', 'train', 'convert', 'infer']
    said = ''.join(capfd.readouterr())
    assert 'mIoU' in said and 'pictures: out' in said
    # The command, the log of the training and that of the inference.
    assert said.count(f'sha256 {sha256_of("OFFICIAL.pth")}') == 2
    assert f'sha256: {sha256_of("OFFICIAL.pth")}' in said
    converted = torch.load('ours.pth', weights_only=True)['state_dict']
    backbone = torch.load('backbone.pth', weights_only=True)['state_dict']
    assert len(backbone) < len(converted)

"""docs/add_a_model.md, word for word: its models train, are counted, folded and exported."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from contract import wake
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

from spikedense.analysis.energy_report import energy_report
from spikedense.apis import train
from spikedense.deploy import real_multiplications, to_spike_inference
from spikedense.deploy.onnx_export import export_onnx
from spikedense.neurons import build_neuron
from spikedense.registry import MODELS as OURS
from spikedense.tracing import trace_network
from spikedense.utils.config_path import config_root

BLOCK = re.compile(r'```python\n# (\S+)\n(.*?)```', re.DOTALL)
CONFIGS = {
    'sdsa': 'fpn_sdtv3-demo-sdsa_1xb8-300i_demo-128x128.py',
    'three stages': 'fpn_three-stages_1xb8-300i_demo-128x128.py',
}
#: Most lines that a module of the page may have, docstrings included.
LONGEST = {'three_stages.py': 80}
#: A file of the package, which the page shows as it is.
REAL = 'spikedense/models/layers/attention/sdsa.py'


@pytest.fixture
def written(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the Python path with the files of the page."""
    text = (repo_root / 'docs' / 'add_a_model.md').read_text(encoding='utf-8')
    files = dict(BLOCK.findall(text))
    assert files.pop(REAL) == (repo_root / REAL).read_text(encoding='utf-8')
    assert f'in the {len((repo_root / REAL).read_text().splitlines())} lines of its' in text
    assert set(CONFIGS.values()) < set(files)
    base = config_root() / 'sdt_v3'
    for name, content in files.items():
        (tmp_path / name).write_text(content.replace("'./", f"'{base}/"), encoding='utf-8')
    monkeypatch.syspath_prepend(str(tmp_path))
    before = dict(OURS.module_dict)
    yield tmp_path
    # What the files registered goes again, so that no other test sees it.
    OURS._module_dict.clear()
    OURS._module_dict.update(before)
    for name in files:
        sys.modules.pop(name.removesuffix('.py'), None)


def test_the_files_are_short(written: Path) -> None:
    for name, lines in LONGEST.items():
        assert len((written / name).read_text(encoding='utf-8').splitlines()) <= lines


def small(config: Path) -> tuple[Config, nn.Module]:
    """The model of a config with narrow stages, its neurons awake, in float64."""
    cfg = Config.fromfile(config)
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).double()
    return cfg, wake(model, images())


def images() -> Tensor:
    return torch.randn(2, 3, 64, 64, dtype=torch.float64)


@pytest.mark.parametrize('name', CONFIGS)
def test_a_model_of_the_page_is_counted_folded_and_exported(name: str, written: Path) -> None:
    _, model = small(written / CONFIGS[name])
    x = images()[:1]
    with torch.no_grad():
        expected = model(x)
    report = energy_report(model, [x])
    assert report['totals']['acs'] > 0
    attentions = [m for m in model.modules() if hasattr(m, 'out_proj')]
    assert attentions
    counted = [row for row in report['layers'] if row['name'].endswith('attn.out_proj.conv')]
    assert len(counted) == len(attentions)
    assert all(row['counted_as'] == 'AC' for row in counted)
    assert sum(row['sops'] for row in counted) > 0
    twin, foldings = to_spike_inference(model, x)
    assert [f for f in foldings if f.reason is not None] == []
    with torch.no_grad():
        torch.testing.assert_close(twin(x), expected, rtol=1e-9, atol=1e-9)
    left = {m.module for m in real_multiplications(twin, x) if not m.neuron}
    assert not any('attn' in module for module in left), 'no scale is left in an attention'
    files = export_onnx(model, written / 'onnx', (64, 64))
    assert [file.name for file in files] == ['model.onnx', 'manifest.json']


@pytest.mark.parametrize('name', CONFIGS)
def test_a_model_of_the_page_trains_on_the_demo_set(name: str, written: Path) -> None:
    options: dict[str, Any] = {
        'train_cfg.max_iters': 2,
        'train_cfg.val_interval': 2,
        'train_dataloader.batch_size': 2,
        'train_dataloader.num_workers': 0,
        'val_dataloader.num_workers': 0,
    }
    for loader in ('train', 'val', 'test'):
        options[f'{loader}_dataloader.dataset.data_root'] = str(written / 'demo')
        options[f'{loader}_dataloader.dataset.generator'] = dict(num_train=4, num_val=2)
    last = train(
        str(written / CONFIGS[name]), work_dir=str(written / 'run'), cfg_options=options, seed=0
    )
    assert last is not None and Path(last).is_file()


def test_the_neuron_of_the_page_fires(written: Path) -> None:
    import threshold_neuron  # noqa: F401  (the file of the page)

    neuron = build_neuron(dict(type='Threshold', v_threshold=0.5))
    assert neuron(torch.tensor([[0.4, 0.5]])).tolist() == [[0.0, 1.0]]


def test_clips_run_through_the_backbone_of_the_page(written: Path) -> None:
    _, model = small(written / CONFIGS['three stages'])
    clip = images().unsqueeze(0).expand(3, -1, -1, -1, -1)
    trace = trace_network(model, clip)
    assert (trace.images, trace.steps) == (2, 3)

"""The README's lines about neurons do what they say when they are put over a shipped config."""

import re
from pathlib import Path

import pytest
from reduced_models import build_model, reduced_config

from spikedense.neurons import BaseNeuron, ReLU
from spikedense.utils.config_path import config_root

SHIPPED = (
    'sdt_v3/fpn_sdtv3-5m_1xb16-5k_camvid-480x360.py',
    'sdt_v2/fpn_sdtv2-15m-lif-t4_1xb16-5k_camvid-480x360.py',
)


def in_a_config(repo_root: Path) -> tuple[list[str], str]:
    """The alternatives for the neuron, and the lines that use them."""
    text = (repo_root / 'README.md').read_text(encoding='utf-8')
    section = text[text.index('## In a config') :].partition('\n## ')[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith('    ')]
    neurons = [line for line in lines if 'neuron_cfg =' in line]
    return neurons, '\n'.join(line for line in lines if line not in neurons)


@pytest.mark.parametrize('shipped', SHIPPED)
@pytest.mark.parametrize('index', range(3))
def test_neuron_lines(repo_root: Path, tmp_path: Path, shipped: str, index: int) -> None:
    neurons, model_lines = in_a_config(repo_root)
    assert len(neurons) == 3
    child = tmp_path / 'child.py'
    base = f"_base_ = '{config_root() / shipped}'"
    child.write_text(f'{base}\n{neurons[index]}\n{model_lines}\n')
    model = build_model(reduced_config(str(child)))
    assert int(re.search(r'= (\d),', neurons[index])[1]) == model.backbone.T
    name = re.search(r"type='(\w+)'", neurons[index])[1]
    for part in (model.backbone, model.neck, model.decode_head):
        found = {type(m).__name__ for m in part.modules() if isinstance(m, (BaseNeuron, ReLU))}
        assert found == {name}

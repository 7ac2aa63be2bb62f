"""What counts as an addition, what as a multiplication, and what they are held against."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from contract import wake
from reduced_models import IMAGE_SIZE, build_model, reduced_config
from spikingjelly.activation_based.op_counter import DispatchCounterMode, SynOpCounter
from torch import Tensor, nn

from spikedense.analysis.energy import EnergySettings, LayerEnergy, layer_energies, totals
from spikedense.analysis.energy_report import count_operations, energy_report
from spikedense.analysis.firing import FiringMeter
from spikedense.analysis.spikingjelly_energy import spikingjelly_energy
from spikedense.deploy import to_spike_inference
from spikedense.models.layers import AttentionProduct
from spikedense.tracing import network_outputs
from spikedense.utils.config_path import config_root

LIF_T4 = 'sdt_v2/fpn_sdtv2-demo-lif-t4_1xb8-300i_demo-128x128.py'
LIF_T1 = 'sdt_v2/fpn_sdtv2-demo-lif-t1_1xb8-300i_demo-128x128.py'
NILIF = 'sdt_v2/fpn_sdtv2-demo-nilif-1x4_1xb8-300i_demo-128x128.py'
QUERIES = 'spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'
TWIN = 'spike2former/spike2former_sdtv3-demo-relu_1xb8-680i_demo-128x128.py'
DETECTOR = 'mask_rcnn/mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128.py'
PAPER, STRICT = EnergySettings('paper'), EnergySettings('strict', stem_times_T=False)


def images(batch: int = 1) -> Tensor:
    return torch.randn(batch, 3, *IMAGE_SIZE, generator=torch.Generator().manual_seed(1))


def awake(name: str) -> nn.Module:
    torch.manual_seed(0)
    return wake(build_model(reduced_config(str(config_root() / name))), images(2))


def priced(model: nn.Module, settings: EnergySettings) -> dict[str, LayerEnergy]:
    rows = layer_energies(count_operations(model, [images()]).operations, settings)
    return {f'{row.name}:{row.operation}': row for row in rows}


@pytest.mark.parametrize('name', [LIF_T1, LIF_T4, NILIF, QUERIES])
def test_as_many_additions_as_spikingjelly_counts(name: str) -> None:
    model, _ = to_spike_inference(awake(name))
    model.requires_grad_(False)  # its scopes hang on gradients
    counter = SynOpCounter()
    with torch.no_grad(), DispatchCounterMode([counter]):
        network_outputs(model, images())
    trace = count_operations(model, [images()])
    ours = [op for op in trace.operations.contractions if not op.inside_neuron]
    assert sum(op.product for op in ours) == counter.get_total() > 0


def test_integers_cost_what_their_spikes_cost() -> None:
    model = awake(NILIF)
    twin, _ = to_spike_inference(model)
    sops = []
    for net in (model, twin):
        layers = priced(net, STRICT)
        sops.append({n: r.sops for n, r in layers.items() if n.startswith(('neck', 'decode_head'))})
    integer, spikes = sops
    for name, count in spikes.items():
        assert integer[name.replace('.synapses', '')] == pytest.approx(count)


def test_formula_of_the_papers() -> None:
    model = awake(NILIF)
    with FiringMeter(model) as meter, torch.no_grad():
        network_outputs(model, images())
    rates = meter.statistics()
    row = priced(model, PAPER)['neck.fpn_convs.1.conv:convolution']
    emitted = rates['neck.fpn_convs.1.neuron']
    assert row.mean == pytest.approx(emitted.mean)
    assert row.zeros == pytest.approx(emitted.zeros)
    assert row.rate == pytest.approx(emitted.rate)
    assert row.acs == pytest.approx(row.dense_macs * 4 * emitted.rate)
    assert row.counted_as == 'AC'
    assert row.macs == 0


def test_rep_conv_reads_reals_unless_it_is_merged() -> None:
    model = awake(NILIF)
    inner = 'backbone.stages.3.blocks.0.branches.attn.q_conv.conv.depthwise'
    separable = 'backbone.stages.1.blocks.0.branches.token_mixer.project.conv'
    for merged in (False, True):
        rows = {}
        for settings in (PAPER, STRICT):
            report = energy_report(model, [images()], replace(settings, merged=merged))
            rows[settings.mode] = {row['name']: row for row in report['layers']}
        for name in (inner, separable)[merged:]:
            paper, strict = rows['paper'][name], rows['strict'][name]
            assert (paper['counted_as'], strict['counted_as']) == ('AC', 'MAC')
            assert strict['macs'] == strict['dense_macs']
            assert 0 < paper['acs'] == pytest.approx(paper['dense_macs'] * paper['mean'])
        assert (inner in rows['strict']) is not merged
    report = energy_report(model, [images()], replace(STRICT, separable=True))
    real = {row['name'] for row in report['layers'] if row['macs'] and row['parameters']}
    assert real == {'backbone.stages.0.downsample.conv'}


def test_attention_both_ways() -> None:
    model = awake(QUERIES)
    seen: dict[str, tuple[Tensor, ...]] = {}
    attention = [(n, m) for n, m in model.named_modules() if isinstance(m, AttentionProduct)]
    name, product = attention[0]
    product.register_forward_hook(lambda _, args, out: seen.update(args=args))
    single = priced(model, EnergySettings('paper', 'single'))[f'{name}:bmm']
    pairs = priced(model, EnergySettings('paper', 'product'))[f'{name}:bmm']
    q, k, v = (4 * x.double() for x in seen['args'][:3])
    first = (v @ k.transpose(-2, -1)).sum().item()
    # Of the two products the first is of spikes with spikes; rows of one module are told apart by
    # what enters them, so that the last one seen is the second.
    trace = count_operations(model, [images()])
    both = [op for op in trace.operations if op.module == name and op.name == 'bmm']
    assert both[0].product == pytest.approx(first)
    macs = v.size(0) * v.size(1) * v.size(2) * k.size(2) * k.size(3)
    assert both[0].macs == macs
    assert both[0].single == pytest.approx(macs * (k.mean() + v.mean()).item() / 2)
    assert both[1].single == pytest.approx(both[1].macs * q.mean().item())
    assert single.acs == pairs.acs == pytest.approx(both[1].single)


def test_orders_of_attention() -> None:
    model = awake(QUERIES)
    sums = {}
    for order in ('linear', 'quadratic'):
        report = energy_report(model, [images()], EnergySettings(order=order))
        assert report['settings']['order'] == order
        rows = [row for row in report['layers'] if row['name'].endswith('.product')]
        sums[order] = sum(row['dense_macs'] for row in rows if row['operation'] == 'bmm')
        assert report['attention_macs'][order] == sums[order]
    assert sums['linear'] != sums['quadratic']


def test_time_steps() -> None:
    report = energy_report(awake(LIF_T4), [images()])
    assert (report['T'], report['D']) == (4, 1)
    once = energy_report(awake(LIF_T4), [images()], EnergySettings(stem_times_T=False))
    stem = next(row for row in once['layers'] if row['counted_as'] == 'MAC')
    assert report['totals']['macs'] == 4 * stem['macs'] == 4 * once['totals']['macs']
    by_name = {row['name']: row for row in report['twins']}
    dense = by_name['float ANN']['macs']
    assert dense == by_name['quantised ANN, 5 levels']['macs']
    assert dense == energy_report(awake(LIF_T1), [images()])['totals']['dense_macs']
    assert 'quantised ANN, 5 levels, zeros skipped' not in by_name


def test_a_clip_that_stands_still_costs_what_its_image_costs() -> None:
    model, still = awake(LIF_T4), images(2)
    image = energy_report(model, [still])
    clip = energy_report(model, [still.expand(4, -1, -1, -1, -1)])
    assert (image['T'], image['images'], clip['T'], clip['images']) == (4, 2, 4, 2)
    for key in ('macs', 'acs', 'sops', 'energy_mj'):
        # The stem really runs at each step of a clip, and is counted so for an image.
        assert clip['totals'][key] == image['totals'][key]
    assert clip['twins'][0] == image['twins'][0]
    assert clip['twins'][-1] == image['twins'][-1], 'one step of the clip is the float twin'


def test_an_image_costs_the_same_in_a_batch() -> None:
    model = awake(NILIF)
    x = images(2)
    alone = count_operations(model, [x[:1]])
    apart = totals(layer_energies(alone.operations, PAPER))
    batch = count_operations(model, [x[:1], x[1:]])
    assert batch.images == 2
    together = totals(layer_energies(batch.operations, PAPER))
    assert together.dense_macs == apart.dense_macs


def test_twins() -> None:
    report = energy_report(awake(NILIF), [images()])
    spikes, quantised, skipping, floats = report['twins']
    total = report['totals']
    assert spikes['acs'] == total['acs']
    assert quantised['macs'] == floats['macs'] == total['dense_macs'] > skipping['macs'] > 0
    assert quantised['energy_mj'] == dict(
        fp32=None, fp16=None, int8=pytest.approx(total['dense_macs'] * 0.23e-9)
    )
    assert floats['energy_mj']['fp32'] == pytest.approx(total['dense_macs'] * 4.6e-9)


def test_an_ann_is_all_multiplications() -> None:
    report = energy_report(awake(TWIN), [images()], STRICT)
    assert report['spiking'] is False
    assert report['twins'] == []
    assert report['totals']['acs'] == 0
    assert report['totals']['macs'] == report['totals']['dense_macs']


def test_exceptions_of_a_detector() -> None:
    model: Any = awake(DETECTOR)
    rows = priced(model, STRICT)
    assert rows['roi_head.bbox_head.shared_fcs.0.linear:mm'].counted_as == 'AC'
    real = {name for name, row in rows.items() if row.counted_as == 'MAC' and row.weight_elements}
    assert real >= {'backbone.stages.0.downsample.conv:convolution'}
    predictors = rows['roi_head.bbox_head.fc_cls:addmm']
    expected = 'AC' if model.roi_head.bbox_head.spike_before_predictor else 'MAC'
    assert predictors.counted_as == expected


def test_report_is_plain_and_says_what_it_assumes() -> None:
    report = energy_report(awake(NILIF), [images(), images()], source='two images of noise')
    assert json.loads(json.dumps(report)) == report
    said = ' '.join(report['assumptions'])
    for words in ('two images of noise', 'mode paper', 'Horowitz', 'merged', '2 image(s)'):
        assert words.lower() in said.lower()
    parts = sum(part['energy_mj']['fp32'] for part in report['by_part'].values())
    assert parts == pytest.approx(report['totals']['energy_mj']['fp32'])
    ways = {(r['mode'], r['attention'], r['stem_times_T']): r for r in report['by_settings']}
    assert ways['paper', 'single', True]['energy_mj'] == report['totals']['energy_mj']


def test_spikingjelly_models() -> None:
    rows = {row['name']: row for row in spikingjelly_energy(awake(LIF_T4), images())}
    simple = rows['SpikingJelly simple, fp32']['energy_mj']
    parts = [value for key, value in simple.items() if key in ('mac', 'ac', 'memory')]
    assert simple['total'] == pytest.approx(sum(parts))
    lemaire = rows['SpikingJelly Lemaire']
    assert lemaire['energy_mj']['ops'] > 0
    assert any('omitted' in remark for remark in lemaire['remarks'])


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="mode='loose', expected one of"):
        EnergySettings(mode='loose')

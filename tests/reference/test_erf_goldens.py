"""Equality with the published maps of effective receptive fields."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from golden import Golden, Twin, goldens
from spike_sum_twins import qkformer
from st_erf_twins import network
from transformer_twins import sdtv1

from spikedense.analysis.erf import st_erf

CASES = [g for g in goldens() if 'layers' in g.meta]

#: Published function -> builder of the network, official name of a layer as a pattern and our name,
#: and settings of the published procedure.
FUNCTIONS: dict[str, tuple[Callable[[Golden], Twin], str, str, dict[str, Any]]] = {
    'compute_erf_sdt': (
        network,
        r'block(\d)\.(\d)\.attn\.proj_conv',
        r'backbone.stages.\1.blocks.\2.branches.attn.out_proj',
        dict(official_quirks=True),
    ),
    # The hooks of these are on the bare convolutions, in front of the norms.
    'compute_erf_sdtv1': (
        sdtv1,
        r'block\.(\d)\.attn\.proj_conv',
        r'backbone.stages.0.blocks.\1.branches.attn.out_proj.conv',
        dict(t_out=0, per_step_input=False),
    ),
    'compute_erf_qk': (
        qkformer,
        r'stage(\d)\.(\d)\.\w+\.proj_conv',
        r'backbone.stages.{}.blocks.\2.branches.attn.out_proj.conv',
        dict(per_step_input=False),
    ),
}


def own_name(layer: str, pattern: str, name: str) -> str:
    """Our name of an official layer. QKFormer counts its stages from 1."""
    match = re.fullmatch(pattern, layer)
    return match.expand(name).format(int(match[1]) - 1)


@pytest.mark.skipif(not CASES, reason='no golden numbers: set REFERENCE_DIR to their folder')
@pytest.mark.parametrize('golden', CASES, ids=lambda g: g.name)
def test_maps(golden: Golden) -> None:
    """The published procedure, and the paper's definition on the same images."""
    build, pattern, name, published = FUNCTIONS[golden.meta['source'].rpartition(' ')[2]]
    twin = build(golden)
    twin.load(golden)
    twin.check_parameters(golden)
    twin.module.eval()
    layers = [own_name(layer, pattern, name) for layer in golden.meta['layers']]
    batch = [torch.cat([image.detach() for image in golden.inputs().values()])]
    for prefix, settings in (('out', published), ('all_steps_centre', dict(per_step_input=False))):
        keys = {f'{prefix}{i}': layer for i, layer in enumerate(layers)}
        keys = {key: layer for key, layer in keys.items() if key in golden.arrays}
        if not keys:
            continue  # the published procedure is the definition
        settings = {'per_step_input': False, **settings}
        found = st_erf(twin.module, batch, list(keys.values()), **settings)
        for key, layer in keys.items():
            (map,) = found.maps[layer]
            gold = golden.arrays[key]
            assert np.abs(map - gold).max() <= golden.atol * gold.max(), key

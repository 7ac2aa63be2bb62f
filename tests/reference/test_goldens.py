"""Equality with the published implementations."""

import math
from contextlib import nullcontext

import pytest
import torch
from golden import Golden, check, goldens
from twins import TWINS

from spikedense.converters import convert_state_dict

#: A case has a state dict; other files of the folder hold neurons or parameter counts. Those with
#: layers hold receptive fields: see test_erf_goldens.py.
CASES = [g for g in goldens() if 'state_dict' in g.meta and 'layers' not in g.meta]


@pytest.mark.skipif(not CASES, reason='no golden numbers: set REFERENCE_DIR to their folder')
@pytest.mark.parametrize('golden', CASES, ids=lambda g: g.name)
def test_golden(golden: Golden) -> None:
    """Outputs, loss and gradients; or, for a case of keys only, a strict load."""
    build = TWINS.get(golden.official_class)
    if build is None:
        pytest.skip('not covered yet: class {1} of {0}'.format(*golden.official_class))
    # Keys and shapes need no numbers.
    with nullcontext() if golden.arrays else torch.device('meta'):
        twin = build(golden)
    if golden.arrays:
        check(golden, twin)
    else:
        twin.check_parameters(golden)
        own = {k: v.shape for k, v in twin.module.state_dict().items()}
        report = convert_state_dict(golden.empty_state(), twin.converting(golden))
        assert report.unexpected == []
        assert set(report.names.values()) == set(own)
        for key, name in report.names.items():
            assert own[name].numel() == math.prod(golden.keys[key]), key

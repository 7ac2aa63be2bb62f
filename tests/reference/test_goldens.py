"""Equality with the published implementations."""

import math
from contextlib import nullcontext

import pytest
import torch
from golden import Golden, check, goldens
from twins import TWINS

#: A case has a state dict; other files of the folder hold neurons or parameter counts.
CASES = [g for g in goldens() if 'state_dict' in g.meta]


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
        own = {k: v.shape for k, v in twin.module.state_dict().items()}
        names = {k: twin.rename(k) for k in golden.keys}
        assert None not in names.values()
        assert set(names.values()) == set(own)
        for key, shape in golden.keys.items():
            assert own[names[key]].numel() == math.prod(shape), key
        assert sum(p.numel() for p in twin.module.parameters()) == golden.meta['num_params']

"""A training, a validation or a test that is switched off in part."""

import pytest
from mmengine.config import Config

from spikedense.checks.loops import check_loops
from spikedense.errors import UserError

LOOPS = {
    'training': ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    'validation': ('val_dataloader', 'val_cfg', 'val_evaluator'),
    'test': ('test_dataloader', 'test_cfg', 'test_evaluator'),
}
KEYS = [key for keys in LOOPS.values() for key in keys]


@pytest.mark.parametrize('loop', LOOPS)
def test_a_loop_has_all_of_its_keys_or_none(loop: str) -> None:
    check_loops(Config({key: {'a': 1} for key in KEYS if key not in LOOPS[loop]}))
    for missing in LOOPS[loop]:
        cfg = Config({key: None if key == missing else {'a': 1} for key in KEYS})
        with pytest.raises(UserError, match=f'the {loop} is switched off in part') as caught:
            check_loops(cfg)
        assert all(key in str(caught.value) for key in LOOPS[loop])


def test_schedulers_need_an_optimizer() -> None:
    with pytest.raises(UserError, match='param_scheduler'):
        check_loops(Config(dict(param_scheduler=[dict(type='PolyLR')])))

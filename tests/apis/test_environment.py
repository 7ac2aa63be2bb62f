"""Launchers, and configs on a machine without a GPU."""

import pytest
import torch
from mmengine.config import Config

from spikedense.apis import environment
from spikedense.errors import UserError


@pytest.fixture
def cfg() -> Config:
    return Config(
        dict(
            model=dict(
                backbone=dict(norm_cfg=dict(type='SyncBN')),
                heads=[dict(norm_cfg=dict(type='SyncBN', eps=1e-3))],
            ),
            sync_bn='torch',
            optim_wrapper=dict(type='AmpOptimWrapper', loss_scale='dynamic', optimizer=dict()),
            find_unused_parameters=True,
        )
    )


def test_without_a_gpu(cfg: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    environment.adapt_to_machine(cfg, 'pytorch')
    assert 'sync_bn' not in cfg
    assert cfg.optim_wrapper.type == 'spikedense.BFloat16OptimWrapper'
    assert 'loss_scale' not in cfg.optim_wrapper
    assert cfg.model.backbone.norm_cfg.type == 'BN'
    assert cfg.model.heads[0].norm_cfg == dict(type='BN', eps=1e-3)
    assert cfg.model_wrapper_cfg.device_ids is None
    assert cfg.model_wrapper_cfg.find_unused_parameters is True


def test_with_a_gpu_nothing_changes(cfg: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    before = cfg.to_dict()
    environment.adapt_to_machine(cfg, 'pytorch')
    assert cfg.to_dict() == before


def test_more_processes_than_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)
    for name in ('RANK', 'LOCAL_RANK', 'MASTER_PORT'):
        monkeypatch.setenv(name, '1')
    monkeypatch.setenv('WORLD_SIZE', '2')
    monkeypatch.setenv('MASTER_ADDR', '127.0.0.1')
    with (
        pytest.raises(UserError, match='process 1 of this machine has no GPU'),
        environment.process_group('pytorch'),
    ):
        pass


@pytest.mark.parametrize('launcher', ['slurm', 'mpi'])
def test_ranks_of_other_launchers_make_a_group(
    launcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    values = dict(
        slurm=dict(SLURM_PROCID='0', SLURM_NTASKS='1', SLURM_NODELIST='a', SLURM_LOCALID='0'),
        mpi=dict(
            OMPI_COMM_WORLD_RANK='0', OMPI_COMM_WORLD_SIZE='1', OMPI_COMM_WORLD_LOCAL_RANK='0'
        ),
    )
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR'):
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    monkeypatch.setenv('MASTER_PORT', '0')
    for name, value in values[launcher].items():
        monkeypatch.setenv(name, value)
    with environment.process_group(launcher):
        assert torch.distributed.get_backend() == 'gloo'
        assert torch.distributed.get_world_size() == 1
    assert not torch.distributed.is_initialized()

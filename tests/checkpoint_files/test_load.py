"""The one way to read a checkpoint file."""

import os
import pickle
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hostile_files import Call, payload, write_tar
from mmengine.infer import BaseInferencer
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import load_checkpoint

from spikedense.checkpoint_files import TRUST_VARIABLE, flaw, load_file
from spikedense.errors import UserError


class _Inferencer(BaseInferencer):
    def visualize(self, *args: Any) -> None: ...

    def postprocess(self, *args: Any) -> None: ...

    def _init_pipeline(self, cfg: Any) -> None: ...


OLD = {'_use_new_zipfile_serialization': False}


def log_buffer(*values: float) -> HistoryBuffer:
    buffer = HistoryBuffer()
    for value in values:
        buffer.update(value)
    return buffer


@pytest.mark.parametrize('options', [{}, OLD], ids=['zip', 'old'])
def test_what_old_and_official_checkpoints_hold_is_read(tmp_path: Path, options: dict) -> None:
    # Protocol 2 writes the methods of the buffer as calls of getattr.
    content = {
        'state_dict': {'a': torch.arange(3.0)},
        'message_hub': {'log_scalars': {'loss': log_buffer(1, 2, 6), 'none': log_buffer()}},
        'args': Namespace(lr=0.1),
        'meta': {
            'best': np.float32(0.5),
            'palette': np.arange(6, dtype='>i2').reshape(2, 3, order='F'),
            'names': (np.array(['a', 'bc']), slice(1)),
        },
    }
    path = tmp_path / 'a.pth'
    torch.save(content, path, **options)
    if options:
        # As numpy 1 writes it.
        path.write_bytes(path.read_bytes().replace(b'numpy._core', b'numpy.core'))
    found = load_file(path)
    buffer = found['message_hub']['log_scalars']['loss']
    assert type(buffer) is HistoryBuffer and buffer.statistics('mean', 2) == 4
    assert len(found['message_hub']['log_scalars']['none'].data[0]) == 0
    assert found['state_dict']['a'].tolist() == [0, 1, 2] and found['args'].lr == 0.1
    assert found['meta']['best'] == np.float32(0.5)
    assert np.array_equal(found['meta']['palette'], content['meta']['palette'])
    assert found['meta']['names'][0].tolist() == ['a', 'bc']


def test_the_shipped_weights_need_no_list(repo_root: Path) -> None:
    for path in (repo_root / 'spikedense').rglob('*.pth'):
        assert torch.load(path, weights_only=True)['state_dict']


def writers(marker: Path) -> dict[str, tuple[str, Any]]:
    """What a file may do -> the name in the message, and how the file is written."""
    saved = torch.save
    return {
        'open': ('io.open', lambda path: saved(payload(marker), path)),
        'old': ('io.open', lambda path: saved(payload(marker), path, **OLD)),
        'exec': ('builtins.exec', lambda path: saved(Call(exec, f'open({marker!r}, "w")'), path)),
        'system': ('posix.system', lambda path: saved(Call(os.system, f'touch {marker}'), path)),
        'walk': (
            'builtins.getattr',
            lambda path: saved(Call(getattr, torch.Tensor, '__init__'), path),
        ),
        'walk from a buffer': (
            'builtins.getattr',
            lambda path: saved(Call(getattr, HistoryBuffer, '__init__'), path),
        ),
        'objects': ('numpy.dtype', lambda path: saved(np.array([None]), path)),
        'new protocol': (
            'instructions',
            lambda path: saved(payload(marker), path, pickle_protocol=4),
        ),
        'bare pickle': ('io.open', lambda path: path.write_bytes(pickle.dumps(payload(marker), 2))),
        'tar': ('the tar format', lambda path: write_tar(path, payload(marker))),
        'script': ('TorchScript', lambda path: torch.jit.script(torch.nn.Identity()).save(path)),
    }


@pytest.mark.parametrize('kind', list(writers(Path())))
def test_nothing_in_a_file_runs(tmp_path: Path, kind: str) -> None:
    path, marker = tmp_path / 'a.pth', tmp_path / 'ran'
    name, write = writers(marker)[kind]
    write(path)
    with pytest.raises(
        UserError, match=rf"refused .*a\.pth': it asks for .?{name}.*{TRUST_VARIABLE}=1"
    ):
        load_file(path)
    assert not marker.exists()


def test_a_list_of_another_package_changes_nothing(tmp_path: Path) -> None:
    marker = tmp_path / 'ran'
    torch.save(payload(marker), tmp_path / 'a.pth')
    with torch.serialization.safe_globals([open, getattr]):
        with pytest.raises(UserError, match=r'io\.open'):
            load_file(tmp_path / 'a.pth')
        assert set(torch.serialization.get_safe_globals()) >= {open, getattr}
    assert not marker.exists()


def test_a_trusted_file_is_read_with_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    marker = tmp_path / 'ran'
    torch.save({'a': torch.ones(1), 'b': payload(marker)}, tmp_path / 'a.pth', **OLD)
    torch.save({'a': torch.ones(1)}, tmp_path / 'b.pth')
    monkeypatch.setenv(TRUST_VARIABLE, '1')
    assert load_file(tmp_path / 'a.pth')['a'] == 1 and marker.exists()
    load_file(tmp_path / 'b.pth')
    said = ''.join(capfd.readouterr())
    assert said.count('\n') == 1 and 'a.pth' in said and 'io.open' in said
    torch.save(Call(int, 'x'), tmp_path / 'c.pth')
    with pytest.raises(UserError, match=r"c\.pth': ValueError: invalid literal"):
        load_file(tmp_path / 'c.pth')


def initialise(path: str) -> None:
    BaseModule(init_cfg={'type': 'Pretrained', 'checkpoint': path}).init_weights()


def load_into_a_model(path: str) -> None:
    load_checkpoint(torch.nn.Identity(), path)


@pytest.mark.parametrize('way', [CheckpointLoader.load_checkpoint, load_into_a_model, initialise])
def test_the_libraries_use_this_loader(tmp_path: Path, way: Any) -> None:
    marker = tmp_path / 'ran'
    torch.save({'state_dict': {}, 'a': payload(marker)}, tmp_path / 'a.pth')
    with pytest.raises(UserError, match='refused'):
        way(str(tmp_path / 'a.pth'))
    assert not marker.exists()


def test_no_scheme_of_mmengine_is_left() -> None:
    modules = {loader.__module__ for loader in CheckpointLoader._schemes.values()}
    assert modules == {'spikedense.checkpoint_files.schemes'}


@pytest.mark.parametrize('address', ['http://127.0.0.1:9/a.pth', 'https://127.0.0.1:9/a.pth'])
def test_a_fetched_file_is_read_in_the_same_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    with pytest.raises(UserError, match=rf"cannot fetch the checkpoint '{address}'"):
        CheckpointLoader.load_checkpoint(address)
    kept = tmp_path / 'hub' / 'checkpoints' / 'a.pth'
    torch.save({'a': payload(tmp_path / 'ran')}, kept)
    with pytest.raises(UserError, match='refused'):
        CheckpointLoader.load_checkpoint(address)
    torch.save({'a': 1}, kept)
    assert CheckpointLoader.load_checkpoint(address) == {'a': 1}


def test_names_of_the_libraries_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"'torchvision://resnet5'; did you mean 'resnet50'"):
        CheckpointLoader.load_checkpoint('torchvision://resnet5')
    with pytest.raises(UserError, match='pavi'):
        CheckpointLoader.load_checkpoint('pavi://a')
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path))
    (tmp_path / 'open_mmlab.json').write_text('{"mine": "a.pth"}')
    torch.save({'a': payload(tmp_path / 'ran')}, tmp_path / 'a.pth')
    with pytest.raises(UserError, match='refused'):
        CheckpointLoader.load_checkpoint('open-mmlab://mine')
    assert not (tmp_path / 'ran').exists()


def test_the_libraries_find_no_config_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran, path = tmp_path / 'ran', tmp_path / 'a.pth'
    # mmengine builds what such a text names, without a single statement in the text.
    text = f"model = dict(type='os.mkdir', path={str(ran)!r})"
    hub = {'runtime_info': {'cfg': text, 'iter': 1}}
    torch.save({'meta': {'cfg': text, 'config': text}, 'message_hub': hub}, path)
    with pytest.raises(ValueError, match='Cannot find the config'):
        _Inferencer(weights=str(path))
    assert not ran.exists()
    assert load_file(path)['meta'] == {'cfg_text': text, 'config_text': text}
    assert load_file(path)['message_hub']['runtime_info'] == {'iter': 1}
    monkeypatch.setenv(TRUST_VARIABLE, 'false')
    assert 'cfg' not in load_file(path)['meta']
    monkeypatch.setenv(TRUST_VARIABLE, '1')
    with pytest.raises(AttributeError):
        _Inferencer(weights=str(path))
    assert ran.exists()


def test_small_files_that_become_large(tmp_path: Path) -> None:
    path, doubled = tmp_path / 'a.pth', ()
    for _ in range(60):
        doubled = (doubled, doubled)
    torch.save({'a': doubled, 'b': np.float32(2)}, path)
    assert load_file(path)['b'] == 2
    with zipfile.ZipFile(path) as stored, zipfile.ZipFile(tmp_path / 'b.pth', 'w', 8) as packed:
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))
    with pytest.raises(UserError, match='its parts are compressed'):
        load_file(tmp_path / 'b.pth')


def test_flaws(tmp_path: Path) -> None:
    path = tmp_path / 'a.pth'
    torch.save({'state_dict': torch.nn.Linear(100, 100).state_dict()}, path)
    whole = path.read_bytes()
    assert flaw(path) is None
    middle, size = whole.index(b'data/0') + 10_000, len(whole)
    damaged = {
        'the file is empty': b'',
        f'after {size // 2} bytes': whole[: size // 2],
        f'after {size - 1} bytes': whole[:-1],
        'its first bytes': b'QK' + whole[2:],
        'checksum of a/data/0': whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
    }
    for reason, content in damaged.items():
        path.write_bytes(content)
        assert reason in str(flaw(path))
        with pytest.raises(UserError, match=rf"a\.pth': it is .*{reason}"):
            load_file(path)
    with pytest.raises(FileNotFoundError):
        flaw(tmp_path / 'b.pth')


def test_a_flipped_bit_changes_no_weight_in_silence(tmp_path: Path) -> None:
    path = tmp_path / 'a.pth'
    state = {'a': torch.arange(50.0), 'b': torch.arange(50.0)}
    torch.save(state, path)
    whole, seen = path.read_bytes(), 0
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        if flaw(path) is not None:
            seen += 1
        else:
            found = load_file(path)
            assert all(torch.equal(found[key], value) for key, value in state.items()), place
    assert seen > 50

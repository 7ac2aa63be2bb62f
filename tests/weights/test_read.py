"""Reading of checkpoint files."""

from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from spikedense.errors import UserError
from spikedense.weights import read_checkpoint, read_state_dict


@pytest.mark.parametrize('content', [b'', b'no checkpoint'])
def test_file_that_is_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'a.pth'
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot read .*a\.pth': it is incomplete"):
        read_checkpoint(path)
    torch.save([1, 2], path)
    with pytest.raises(UserError, match=r"a\.pth' holds a list"):
        read_checkpoint(path)
    with pytest.raises(FileNotFoundError):
        read_checkpoint(tmp_path / 'b.pth')


def test_address_that_does_not_answer() -> None:
    with pytest.raises(
        UserError, match=r"cannot fetch the checkpoint 'http://127\.0\.0\.1:9/a\.pth'"
    ):
        read_checkpoint('http://127.0.0.1:9/a.pth')


def test_source_is_kept(tmp_path: Path) -> None:
    torch.save({'state_dict': {}, 'epoch': 3}, tmp_path / 'a.pth')
    checkpoint = read_checkpoint(tmp_path / 'a.pth')
    assert checkpoint.source == str(tmp_path / 'a.pth')
    assert checkpoint == {'state_dict': {}, 'epoch': 3}


@pytest.mark.parametrize('container', ['state_dict', 'model', 'module', None])
@pytest.mark.parametrize('wrapper', ['', 'module.'])
def test_state_dict_is_found_with_its_versions(
    tmp_path: Path, container: str | None, wrapper: str
) -> None:
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(2))
    state = OrderedDict((wrapper + key, value) for key, value in model.state_dict().items())
    state._metadata = {
        wrapper + key if key else wrapper[:-1]: value
        for key, value in model.state_dict()._metadata.items()
    }
    torch.save({container: state, 'epoch': 3} if container else state, tmp_path / 'a.pth')
    found = read_state_dict(read_checkpoint(tmp_path / 'a.pth'))
    assert list(found) == list(model.state_dict())
    assert found._metadata == {'': {'version': 1}, '0': {'version': 2}}


def test_only_tensors_are_weights() -> None:
    assert read_state_dict({'epoch': 3, 'a': torch.zeros(1)}).keys() == {'a'}
    assert read_state_dict({'epoch': 3}) == {}
    assert read_state_dict({'state_dict': {'a._extra_state': 'kept', 'b': 1}}) == {
        'a._extra_state': 'kept'
    }

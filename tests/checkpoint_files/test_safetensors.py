"""The format safetensors."""

import json
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from spikedense.checkpoint_files import flaw, load_file, to_strings, write_safetensors
from spikedense.errors import UserError


def by_hand(header: dict, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, 'little') + text + data


A = {'dtype': 'F32', 'shape': [2], 'data_offsets': [0, 8]}


def test_a_file_of_another_program_is_read(tmp_path: Path) -> None:
    path = tmp_path / 'a.safetensors'
    values = torch.tensor([1.5, -2.0])
    path.write_bytes(by_hand({'__metadata__': {'by': 'hand'}, 'a': A}, values.numpy().tobytes()))
    content = load_file(path)
    assert torch.equal(content['state_dict']['a'], values) and content['meta'] == {'by': 'hand'}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / 'a.safetensors'
    state = OrderedDict(
        (str(dtype), torch.arange(6).reshape(2, 3).to(dtype).T)
        for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.bool)
    )
    state.update(number=torch.tensor(3), empty=torch.zeros(0, 4))
    state._metadata = {'': {'version': 2}}
    meta = {'cfg': 'a = 1\n', 'dataset_meta': {'classes': ['1', 'ä']}}
    write_safetensors(path, state, to_strings(meta, state))
    content = load_file(path)
    found = content['state_dict']
    assert list(found) == list(state) and found._metadata == state._metadata
    for key, value in state.items():
        assert found[key].dtype == value.dtype and torch.equal(found[key], value)
    meta['cfg_text'] = meta.pop('cfg')
    assert content['meta'] == {'format': 'pt', **meta}
    # The data begin at a multiple of eight, as the format asks.
    assert int.from_bytes(path.read_bytes()[:8], 'little') % 8 == 0


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'12345678',
        by_hand({'a': A}, bytes(8))[:-1],
        by_hand({'a': A}, bytes(9)),
        by_hand({'a': {**A, 'data_offsets': [0, 4]}}, bytes(8)),
        by_hand({'a': {**A, 'data_offsets': [-8, 0]}}, bytes(8)),
        by_hand({'a': {**A, 'dtype': 'F31'}}, bytes(8)),
        by_hand({'a': {**A, 'shape': 'x'}}, bytes(8)),
        by_hand({'a': {'dtype': 'F32'}}, bytes(8)),
        by_hand({'__metadata__': {'a': 1}, 'a': A}, bytes(8)),
        by_hand([], b''),  # type: ignore[arg-type]
    ],
)
def test_flaws_are_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'a.safetensors'
    path.write_bytes(content)
    assert 'no file of safetensors' in str(flaw(path))
    with pytest.raises(UserError, match=r"a\.safetensors': it is incomplete"):
        load_file(path)


def test_a_flipped_byte_is_told(tmp_path: Path) -> None:
    path = tmp_path / 'a.safetensors'
    write_safetensors(path, {'a': torch.arange(3.0)}, {})
    whole = bytearray(path.read_bytes())
    assert flaw(path) is None
    whole[-2] ^= 1
    path.write_bytes(whole)
    with pytest.raises(UserError, match='it is damaged: the checksum of its tensors is wrong'):
        load_file(path)


def test_a_pickle_under_this_name_is_no_safetensors(tmp_path: Path) -> None:
    torch.save({'a': torch.ones(1)}, tmp_path / 'a.pth')
    path = (tmp_path / 'a.pth').rename(tmp_path / 'a.safetensors')
    assert flaw(path) is not None


def test_a_type_that_the_format_lacks(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'no torch\.complex64, which a is of'):
        write_safetensors(tmp_path / 'a.safetensors', {'a': torch.ones(1, dtype=torch.cfloat)}, {})
    assert not list(tmp_path.iterdir())

"""The format safetensors: a header in JSON and the bytes of tensors, so nothing that could run.

The format needs few lines and the package of the same name would be one more requirement.
"""

import json
import math
import os
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from spikedense.errors import UserError
from spikedense.utils.files import complete_or_absent

_SUFFIX = '.safetensors'
_DTYPES = {
    'F64': torch.float64,
    'F32': torch.float32,
    'F16': torch.float16,
    'BF16': torch.bfloat16,
    'I64': torch.int64,
    'I32': torch.int32,
    'I16': torch.int16,
    'I8': torch.int8,
    'U8': torch.uint8,
    'BOOL': torch.bool,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
#: Entry of the metadata with the CRC-32 of all tensors; the format itself has no checksum.
_CHECKSUM = 'crc32'
_CHUNK = 1 << 24
_LENGTH = 8
_LARGEST_HEADER = 100_000_000


def is_safetensors(path: str | Path) -> bool:
    """Tell by the name of a file whether its format is safetensors.

    Args:
        path: The file.
    """
    return Path(path).suffix == _SUFFIX


def read_safetensors(path: str | Path) -> tuple['OrderedDict[str, Tensor]', dict[str, str]]:
    """Read tensors and metadata.

    Args:
        path: A file without a flaw (:func:`flaw_of_safetensors`).

    Returns:
        The tensors by name, on the CPU; and the metadata, which are strings.
    """
    with Path(path).open('rb') as file:
        header = _header(file)
        # A bytearray, because torch warns of tensors over bytes that cannot be written.
        data = bytearray(file.read())
    metadata = header.pop('__metadata__', {})
    metadata.pop(_CHECKSUM, None)
    tensors: OrderedDict[str, Tensor] = OrderedDict()
    for name, entry in header.items():
        start, end = entry['data_offsets']
        dtype = _DTYPES[entry['dtype']]
        raw = data[start:end]
        # torch refuses an empty buffer.
        flat = torch.frombuffer(raw, dtype=dtype) if raw else torch.empty(0, dtype=dtype)
        tensors[name] = flat.reshape(entry['shape'])
    return tensors, metadata


def write_safetensors(
    path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> None:
    """Write tensors and metadata, completely or not at all.

    Args:
        path: The file.
        tensors: The tensors, on any device.
        metadata: Further facts, strings by strings.

    Raises:
        UserError: A tensor is of a type that the format does not have.
    """
    header: dict[str, Any] = {}
    chunks: list[bytes] = []
    end = checksum = 0
    for name, tensor in tensors.items():
        if tensor.dtype not in _NAMES:
            raise UserError(f'safetensors has no {tensor.dtype}, which {name} is of')
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        chunks.append(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b'')
        checksum = zlib.crc32(chunks[-1], checksum)
        start, end = end, end + len(chunks[-1])
        header[name] = {
            'dtype': _NAMES[tensor.dtype],
            'shape': list(tensor.shape),
            'data_offsets': [start, end],
        }
    header['__metadata__'] = {**metadata, _CHECKSUM: str(checksum)}
    text = json.dumps(header).encode()
    # The format asks that the tensors begin at a multiple of eight.
    text += b' ' * (-len(text) % _LENGTH)
    with complete_or_absent(path) as part, part.open('wb') as file:
        file.writelines([len(text).to_bytes(_LENGTH, 'little'), text, *chunks])


def flaw_of_safetensors(path: str | Path) -> str | None:
    """Tell why a file of safetensors is not whole.

    Args:
        path: The file.

    Returns:
        The second half of a sentence; None if the header fits the length of the file, and the
        tensors fit the checksum, if there is one.

    Raises:
        OSError: The file is missing, or the machine cannot read it.
    """
    try:
        with Path(path).open('rb') as file:
            header = _header(file)
            metadata = header.pop('__metadata__', {})
            _check(header, metadata, os.fstat(file.fileno()).st_size - file.tell())
            checksum = metadata.get(_CHECKSUM)
            if checksum is not None and checksum != _checksum_of_rest(file):
                return 'it is damaged: the checksum of its tensors is wrong'
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        return f'it is incomplete or no file of safetensors ({exc})'
    return None


def _header(file: BinaryIO) -> dict[str, Any]:
    """Read the header; the file is then where the tensors begin."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(_LENGTH), 'little')
    if not 2 <= length <= min(_LARGEST_HEADER, size - _LENGTH):
        raise ValueError(f'{size} bytes, header of {length} bytes')
    return json.loads(file.read(length))


def _checksum_of_rest(file: BinaryIO) -> str:
    checksum = 0
    while chunk := file.read(_CHUNK):
        checksum = zlib.crc32(chunk, checksum)
    return str(checksum)


def _check(header: dict[str, Any], metadata: dict[str, str], size: int) -> None:
    if not all(isinstance(text, str) for pair in metadata.items() for text in pair):
        raise ValueError('its metadata are no strings')
    last = 0
    for name, entry in header.items():
        start, end = entry['data_offsets']
        if entry['dtype'] not in _DTYPES:
            raise ValueError(f'{name} has the unknown type {entry["dtype"]!r}')
        needed = math.prod(entry['shape']) * _DTYPES[entry['dtype']].itemsize
        if not 0 <= start <= end <= size or end - start != needed:
            raise ValueError(f'{name} lies at {start}:{end} of {size} bytes')
        last = max(last, end)
    if last != size:
        raise ValueError(f'{size} bytes of tensors, {last} described')

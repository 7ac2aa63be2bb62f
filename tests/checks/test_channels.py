"""Images with other channels than the model reads."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikedense.checks.channels import check_channels, check_first_image, known_channels
from spikedense.errors import UserError


def model(channels: int, means: int = 1) -> Any:
    net = nn.Module()
    net.backbone = nn.Conv2d(channels, 4, 3)
    net.data_preprocessor = nn.Module()
    net.data_preprocessor.mean = torch.zeros(means, 1, 1)
    return net


def image(channels: int) -> Tensor:
    return torch.zeros(channels, 8, 8)


@pytest.mark.parametrize(('reads', 'means', 'has'), [(3, 3, 3), (1, 1, 1), (4, 1, 4), (3, 3, 1)])
def test_images_that_fit(reads: int, means: int, has: int) -> None:
    check_channels(model(reads, means), image(has), 'a.png', known_channels(model(reads)))


@pytest.mark.parametrize(('reads', 'has'), [(1, 3), (4, 3), (3, 4), (3, 1)])
def test_images_that_do_not_fit(reads: int, has: int) -> None:
    said = f"'a.png' has {has} channel(s) behind the pipeline, but the backbone reads images of"
    with pytest.raises(UserError, match=f'{re.escape(said)} {reads}'):
        check_channels(model(reads), image(has), 'a.png', known_channels(model(reads)))


@pytest.mark.parametrize(
    'batch',
    [
        dict(inputs=[image(3)], data_samples=[SimpleNamespace(img_path='a.png')]),
        dict(inputs=[[image(3)], [image(3)]], data_samples=[[SimpleNamespace(img_path='a.png')]]),
        dict(inputs=image(3)[None], data_samples=[SimpleNamespace(img_path='a.png')]),
    ],
    ids=['list', 'copies', 'stacked'],
)
def test_batches(batch: dict) -> None:
    check_first_image(model(3), batch, 3)
    with pytest.raises(UserError, match=r"'a\.png' has 3"):
        check_first_image(model(1), batch, 1)


def test_batches_of_another_form() -> None:
    check_first_image(model(1), None, 1)
    check_first_image(model(1), dict(inputs=[]), 1)


def test_a_model_that_does_not_tell_its_channels() -> None:
    assert known_channels(nn.Module()) is None
    check_channels(model(1), image(3), 'a.png', None)

"""Which checkpoint a model gets: the given one, the one that ships with the model, or none."""

from pathlib import Path

import pytest

from spikedense.checks.checkpoint import checkpoint_for, given_or_found
from spikedense.errors import UserError


def test_given_before_shipped() -> None:
    shipped = given_or_found('demo', None)
    assert shipped is not None and Path(shipped).is_file()
    assert checkpoint_for('demo', None) == shipped
    assert given_or_found('demo', 'other.pth') == 'other.pth'
    assert given_or_found('a.py', None) is None


def test_no_checkpoint() -> None:
    with pytest.raises(UserError, match=r"the model 'a\.py' has no weights, expected the path"):
        checkpoint_for('a.py', None)
    with pytest.raises(UserError, match=r"there is no checkpoint 'other\.pth'"):
        checkpoint_for('demo', 'other.pth')

"""What a command prints before its first line: nothing of the libraries, and all of its own."""

import sys
import warnings

import pytest

from spikedense.commands import report_errors

NOISE = [
    ('mmseg.models.losses.cross_entropy_loss', 'Default ``avg_non_ignore`` is False, if you'),
    ('mmdet.evaluation.metrics.faster_coco_metric', 'faster_coco_eval is not installed, metrics'),
]


def test_listed_messages_are_dropped_and_no_other(capsys: pytest.CaptureFixture) -> None:
    before = sys.stdout
    with pytest.warns(UserWarning) as seen, report_errors():
        warnings.simplefilter('always', append=True)
        print('Could not import OneDL')
        print('Could not import OneDL. Skipping OneDL datasets.')
        print()
        print('its own line')
        sys.stdout.write('Could not import OneDL\n')
        print('Could not import numpy')
        for module, text in NOISE:
            warnings.warn_explicit(text, UserWarning, 'file.py', 1, module=module)
            warnings.warn_explicit(text, UserWarning, 'file.py', 1, module='elsewhere')
        warnings.warn_explicit('another', UserWarning, 'file.py', 1, module=NOISE[0][0])
    assert sys.stdout is before
    assert capsys.readouterr().out == '\nits own line\nCould not import numpy\n'
    assert [str(w.message) for w in seen] == [NOISE[0][1], NOISE[1][1], 'another']

"""The doctor's judgements, on made-up facts, and its report on this very environment."""

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version

import pytest

from spikedense import cli, doctor
from spikedense.doctor import Facts, find_problems, report
from spikedense.utils.mmcv_ops import OPS_COMMAND

HEALTHY = Facts(
    versions={
        'torch': '2.11.0',
        'torchvision': '0.26.0',
        'numpy': '2.4.6',
        'spikingjelly': '2.0.0',
        'opencv-python-headless': '4.14.0.94',
        'onedl-mmengine': '0.10.12',
        'onedl-mmcv': '2.3.6',
        'onedl-mmsegmentation': '1.4.2',
        'onedl-mmpretrain': '1.3.6',
        'onedl-mmdetection': '3.5.1',
        'spikedense': '0.1.0',
    },
    requirements=(
        'torch<2.14,>=2.11',
        'opencv-python<5,>=4.13',
        'onedl-mmcv<2.4,>=2.3.6',
        'onedl-mmdetection<3.6,>=3.5.1',
    ),
)


def changed(drop: tuple[str, ...] = (), add: dict[str, str] | None = None, **facts) -> Facts:
    versions = {k: v for k, v in HEALTHY.versions.items() if k not in drop}
    return replace(HEALTHY, versions={**versions, **(add or {})}, **facts)


def only_problem(facts: Facts) -> doctor.Problem:
    (problem,) = find_problems(facts)
    return problem


def test_healthy_environment_has_no_problem() -> None:
    assert find_problems(HEALTHY) == []


@pytest.mark.parametrize(
    ('upstream', 'onedl', 'module'),
    [
        ('mmcv', 'onedl-mmcv', 'mmcv'),
        ('mmcv-lite', 'onedl-mmcv', 'mmcv'),
        ('mmengine', 'onedl-mmengine', 'mmengine'),
        ('mmsegmentation', 'onedl-mmsegmentation', 'mmseg'),
        ('mmdet', 'onedl-mmdetection', 'mmdet'),
        ('mmpretrain', 'onedl-mmpretrain', 'mmpretrain'),
    ],
)
def test_upstream_beside_onedl(upstream: str, onedl: str, module: str) -> None:
    problem = only_problem(changed(add={upstream: '1.0'}))
    assert upstream in problem.what and onedl in problem.what and f'as {module}' in problem.what
    assert problem.fix.startswith(f'pip uninstall -y {upstream} {onedl} && pip install ')


def test_upstream_twin_is_replaced_by_the_range_that_is_asked_for() -> None:
    problem = only_problem(changed(add={'mmdet': '3.3.0'}))
    assert "'onedl-mmdetection<3.6,>=3.5.1'" in problem.fix


@pytest.mark.parametrize('compiled', [True, False])
def test_mmcv_is_replaced_by_a_compiled_one_if_it_was_compiled(compiled: bool) -> None:
    plain = "pip install 'onedl-mmcv<2.4,>=2.3.6'"
    for facts in (
        changed(add={'mmcv': '2.1.0'}, compiled=compiled),
        changed(('onedl-mmcv',), compiled=compiled),
    ):
        assert only_problem(facts).fix.endswith(OPS_COMMAND if compiled else plain)


def test_both_opencvs() -> None:
    problem = only_problem(changed(add={'opencv-python': '4.14.0.94'}))
    assert 'opencv-python and opencv-python-headless' in problem.what
    assert 'pip uninstall -y opencv-python opencv-python-headless' in problem.fix


def test_no_opencv() -> None:
    facts = changed(('opencv-python-headless',), errors={'cv2': 'ModuleNotFoundError: cv2'})
    assert only_problem(facts).what == 'OpenCV (cv2) is not installed.'


def test_no_libgl() -> None:
    error = 'ImportError: libGL.so.1: cannot open shared object file: No such file or directory'
    facts = changed(
        ('opencv-python-headless',),
        {'opencv-python': '4.14.0.94'},
        errors={'cv2': error, 'mmseg.models': error},
    )
    problem = only_problem(facts)
    assert 'libGL.so.1, which is missing' in problem.what
    assert 'opencv-python-headless' in problem.fix and 'libgl1' in problem.fix


def test_damaged_opencv() -> None:
    facts = changed(errors={'cv2': "AttributeError: no attribute 'imread'"})
    assert (
        '--force-reinstall --no-deps opencv-python-headless==4.14.0.94' in only_problem(facts).fix
    )


def test_version_out_of_range_and_missing_distribution() -> None:
    too_new = only_problem(changed(add={'torch': '2.14.0'}))
    assert too_new.what == 'torch is 2.14.0, and spikedense needs <2.14,>=2.11.'
    missing = only_problem(changed(('torch',)))
    assert missing.what == 'torch is not installed.'
    # Both, so that pip chooses a torchvision that was built for the torch.
    assert missing.fix == "pip install 'torch<2.14,>=2.11' 'torchvision'"


def test_operators_of_another_torch() -> None:
    error = 'ImportError: _ext.so: undefined symbol: _ZN2at'
    problem = only_problem(changed(errors={'mmcv.ops': error}, compiled=True))
    assert 'compiled against another torch' in problem.what and 'MMCV_WITH_OPS=1' in problem.fix


def test_torchvision_of_another_torch() -> None:
    error = 'RuntimeError: operator torchvision::nms does not exist'
    facts = changed(
        errors=dict.fromkeys(['torchvision', 'mmcv.ops', 'mmseg.models'], error), compiled=True
    )
    problem = only_problem(facts)
    for name in ('torch', 'torchvision'):
        assert f'{name} {version(name)}' in problem.what
    assert error in problem.what
    assert problem.fix.startswith('pip uninstall -y torch torchvision && pip install torch==')


def test_missing_mmdet() -> None:
    problem = only_problem(changed(('onedl-mmdetection',), errors={'mmdet.models': 'e'}))
    assert problem.fix == "pip install 'onedl-mmdetection<3.6,>=3.5.1'"


def test_unexplained_import_error_is_shown() -> None:
    for module, name in (('mmseg', 'onedl-mmsegmentation'), ('mmdet', 'onedl-mmdetection')):
        problem = only_problem(changed(errors={f'{module}.models': 'ImportError: nobody knows'}))
        assert 'nobody knows' in problem.what and name in problem.fix


def test_report_holds_versions_operators_and_fixes() -> None:
    facts = changed(add={'mmcv': '2.1.0'})
    text = report(facts, find_problems(facts))
    assert 'torch                        2.11.0' in text
    assert "operators of mmcv            torchvision's (`make ops`" in text
    assert 'mend it: pip uninstall -y mmcv onedl-mmcv' in text
    assert 'operators of mmcv            compiled' in report(changed(compiled=True), [])


def test_exit_code_follows_the_problems(monkeypatch, capsys) -> None:
    for facts, expected in ((HEALTHY, 0), (changed(add={'mmcv': '2.1.0'}), 1)):
        monkeypatch.setattr(doctor, 'collect', lambda facts=facts: facts)
        assert cli.main(['doctor']) == doctor.main([]) == expected
        assert 'Installed' in capsys.readouterr().out


def test_this_environment() -> None:
    """The real collection, in a process of its own: every import is tried."""
    command = [sys.executable, '-m', 'spikedense.doctor']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Problems: none' in done.stdout


def test_transformers_that_mmpretrain_does_not_know() -> None:
    error = {'mmpretrain.models': 'TypeError: NoneType takes no arguments'}
    found = only_problem(changed(add={'transformers': '5.17.0'}, errors=error))
    assert 'beside transformers 5.17.0 (TypeError: NoneType' in found.what
    assert "'transformers<5'" in found.fix
    assert only_problem(changed(errors=error)).fix.endswith('onedl-mmpretrain')

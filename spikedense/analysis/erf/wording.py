"""How the numbers of fields are written in tables."""

import math

_KINDS = {
    '%': ('area', 'mass_area', 'above', 'entropy_ratio', 'coverage_7', 'temporal_share'),
    'px': ('rms_radius', 'drift', 'luo_size'),
    'steps': ('half_life',),
}


def metric_text(key: str, value: float) -> str:
    """Return a number of :meth:`ERFResult.metrics` as the tables write it.

    Args:
        key: Its name.
        value: The number.
    """
    name = key.partition('@')[0]
    return text_of(value, next((kind for kind, names in _KINDS.items() if name in names), ''))


def text_of(value: float, kind: str = '') -> str:
    """Return a number as text; a dash for ``nan``.

    Args:
        value: The number.
        kind: ``'%'`` for a share; ``'steps'`` for a whole number; or a unit that is written.
    """
    if math.isnan(value):
        return '–'
    if math.isinf(value):
        return '∞'
    if kind == 'steps':
        return f'{value:.0f}'
    if kind == '%':
        value = 100 * value
        return f'{value:.1f} %' if value >= 0.1 or value == 0 else f'{value:.2g} %'
    text = f'{value:.3g}' if value >= 100 else f'{value:.2f}'
    return f'{text} {kind}' if kind else text

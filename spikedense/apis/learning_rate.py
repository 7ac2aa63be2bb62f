"""``--auto-scale-lr``: the batch size that the learning rate of a config was chosen for."""

import re
from pathlib import Path

from mmengine.config import Config

from spikedense.errors import UserError

#: GPUs and images for each of them, as in ``fpn_sdtv3-5m_4xb16-160k_ade20k-512x512``.
_BATCH = re.compile(r'_(\d+)xb(\d+)[-_]')


def scale_with_batch(cfg: Config) -> None:
    """Make mmengine multiply the learning rate by the real batch size over that of the config.

    The batch size of the config is ``auto_scale_lr.base_batch_size``, else GPUs times batch of the
    file name.

    Args:
        cfg: The config, changed in place.

    Raises:
        UserError: The config does not say its batch size.
    """
    settings = dict(cfg.get('auto_scale_lr') or {})
    if 'base_batch_size' not in settings:
        match = _BATCH.search(Path(cfg.filename).stem)
        if match is None:
            raise UserError(
                f"--auto-scale-lr: '{cfg.filename}' has no auto_scale_lr.base_batch_size, and its "
                'name has no GPUs and batch as in _4xb16-; write '
                '--cfg-options auto_scale_lr.base_batch_size=N with the batch size that the '
                'learning rate was chosen for'
            )
        settings['base_batch_size'] = int(match[1]) * int(match[2])
    cfg.auto_scale_lr = dict(settings, enable=True)

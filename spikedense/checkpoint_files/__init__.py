"""Read checkpoint files without running what they hold.

The import puts the loader in the place of mmengine's own, for the runner, ``init_cfg`` and the
inferencers of every library. ``spikedense.registry`` imports this room, so each config that names
one of our classes has the loader.
"""

from .load import TRUST_VARIABLE, load_file
from .plain import plain
from .schemes import register
from .whole import flaw

__all__ = ['TRUST_VARIABLE', 'flaw', 'load_file', 'plain']

register()

"""Read checkpoint files without running what they hold.

The import puts the loader in the place of mmengine's own, for the runner, ``init_cfg`` and the
inferencers of every library. The rooms where mmengine looks for our classes import this room, so
each config that names one of our classes has the loader.
"""

from .load import TRUST_VARIABLE, load_file
from .plain import plain
from .published import to_strings
from .safetensors import write_safetensors
from .schemes import register
from .whole import flaw

__all__ = ['TRUST_VARIABLE', 'flaw', 'load_file', 'plain', 'to_strings', 'write_safetensors']

register()

"""Child registries of mmengine's roots, scope ``spikedense``.

A config of mmseg, mmdet or mmpretrain names a class of this package as ``type='spikedense.SDTV3'``.
mmengine then imports this module, and imports the locations below when it first needs a class. So
``import spikedense`` is fast, and a config needs no ``custom_imports``.
"""

from mmengine import registry as root
from mmengine.registry import Registry

_SCOPE = 'spikedense'

#: Neurons, backbones, necks, heads: everything that is an ``nn.Module``.
MODELS = Registry(
    'model',
    parent=root.MODELS,
    scope=_SCOPE,
    locations=['spikedense.neurons', 'spikedense.models'],
)
#: Data sets that mmseg and mmdet lack.
DATASETS = Registry(
    'dataset', parent=root.DATASETS, scope=_SCOPE, locations=['spikedense.datasets']
)
HOOKS = Registry('hook', parent=root.HOOKS, scope=_SCOPE, locations=['spikedense.engine'])
OPTIM_WRAPPERS = Registry(
    'optimizer wrapper',
    parent=root.OPTIM_WRAPPERS,
    scope=_SCOPE,
    locations=['spikedense.engine'],
)
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optimizer wrapper constructor',
    parent=root.OPTIM_WRAPPER_CONSTRUCTORS,
    scope=_SCOPE,
    locations=['spikedense.engine'],
)
TRANSFORMS = Registry(
    'transform', parent=root.TRANSFORMS, scope=_SCOPE, locations=['spikedense.datasets']
)
METRICS = Registry('metric', parent=root.METRICS, scope=_SCOPE, locations=['spikedense.evaluation'])

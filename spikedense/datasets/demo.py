"""The demo set for mmseg, which is made from a seed when it is first used."""

from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset

from spikedense.registry import DATASETS

from .demo_generator import DemoSpec, ensure_demo
from .demo_scenes import CLASSES, PALETTE


class GeneratedDemo(BaseDataset):
    """Base class of the demo data sets, which write the folder before they read it.

    Args:
        data_root: Folder of the set. The set is written if the folder is absent, incomplete or made
            from other parameters.
        generator: Arguments of :class:`DemoSpec` (``seed``, ``size``, ``num_train``, ``num_val``)
            that differ from the defaults. Training and validation share one folder, so both need
            the same arguments.
        **kwargs: Arguments of the library's data set.
    """

    def __init__(
        self,
        data_root: str = 'data/demo',
        generator: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.generator = dict(generator or {})
        super().__init__(data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the samples; write the set first if it is not there."""
        if ensure_demo(self.data_root, **self.generator):
            spec = DemoSpec(**self.generator)
            print_log(
                f'Wrote the demo set to {self.data_root}: {spec.num_train} training and '
                f'{spec.num_val} validation images of {spec.size[0]}x{spec.size[1]} pixels, '
                f'seed {spec.seed}.',
                logger='current',
            )
        return super().load_data_list()


@DATASETS.register_module()
class DemoDataset(GeneratedDemo, BaseSegDataset):
    """Shapes over sky, ground and water: nine classes, labels 0..8, 255 is void.

    Args:
        **kwargs: Arguments of :class:`GeneratedDemo` and mmseg's ``BaseSegDataset``.
    """

    METAINFO = dict(classes=CLASSES, palette=[list(colour) for colour in PALETTE])

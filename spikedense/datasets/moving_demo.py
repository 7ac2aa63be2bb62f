"""The moving demo set for mmseg, which is made from a seed when it is first used."""

from typing import Any

from mmengine.logging import print_log

from spikedense.registry import DATASETS

from .clips import ClipDataset
from .moving_generator import MovingSpec, ensure_moving_demo
from .moving_scenes import CLASSES, PALETTE


@DATASETS.register_module()
class MovingDemoDataset(ClipDataset):
    """Shapes that move over sky, ground and water: ten classes, labels 0..9, exact in each frame.

    Crosses are of two classes of equal looks: a ``drifter`` slides, a ``spinner`` turns. In the
    first frame of a clip nothing tells them apart.

    Args:
        data_root: Folder of the set. The set is written if the folder is absent, incomplete or made
            from other parameters.
        generator: Arguments of :class:`MovingSpec` that differ from the defaults. Training and
            validation share one folder, so both need the same arguments.
        **kwargs: Arguments of :class:`ClipDataset`.
    """

    METAINFO = dict(classes=CLASSES, palette=[list(colour) for colour in PALETTE])

    def __init__(
        self,
        data_root: str = 'data/demo-video',
        generator: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.generator = dict(generator or {})
        super().__init__(data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """List the clips; write the set first if it is not there."""
        if ensure_moving_demo(self.data_root, **self.generator):
            spec = MovingSpec(**self.generator)
            print_log(
                f'Wrote the moving demo set to {self.data_root}: {spec.num_train} training and '
                f'{spec.num_val} validation clips of {spec.num_frames} frames, '
                f'{spec.size[0]}x{spec.size[1]} pixels, seed {spec.seed}.',
                logger='current',
            )
        return super().load_data_list()

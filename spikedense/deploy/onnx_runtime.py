"""Running exported graphs with ONNX Runtime."""

import copy
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .onnx_export import MANIFEST, ExportError, required


class OnnxNetwork:
    """The graphs that :func:`spikedense.deploy.onnx_export.export_onnx` has written.

    Args:
        folder: The folder.
        providers: Execution providers of ONNX Runtime, the most wanted first.

    Raises:
        ExportError: ONNX Runtime is not installed, or the folder holds no export.
    """

    def __init__(
        self, folder: str | Path, providers: Sequence[str] = ('CPUExecutionProvider',)
    ) -> None:
        onnxruntime = required('onnxruntime')
        path = Path(folder, MANIFEST)
        if not path.is_file():
            raise ExportError(f"'{folder}' has no {MANIFEST}, expected a folder of export_onnx")
        self.manifest: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
        self.sessions: dict[str, Any] = {
            name: onnxruntime.InferenceSession(
                str(Path(folder, graph['file'])), providers=list(providers)
            )
            for name, graph in self.manifest['graphs'].items()
        }

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Runs the graph that reads images; it is the only one but for two-stage detectors.

        Args:
            images: Normalised images, ``[1, 3, H, W]`` as exported.

        Returns:
            Its outputs, in the manifest's order.
        """
        return self.run(next(iter(self.sessions)), images)

    def run(self, graph: str, x: Tensor) -> tuple[Tensor, ...]:
        """Runs one graph.

        Args:
            graph: Its name in the manifest.
            x: Its input.

        Returns:
            Its outputs, in the manifest's order, on the device of ``x``.

        Raises:
            ExportError: The input has another shape than the graph.
        """
        ((name, shape),) = self.manifest['graphs'][graph]['inputs'].items()
        found = list(x.shape)
        if found[1:] != shape[1:] or shape[0] not in ('N', found[0]):
            raise ExportError(
                f"'{name}' is {found}, expected {shape}: a graph is for one image of one size"
            )
        outs = self.sessions[graph].run(None, {name: x.detach().cpu().float().numpy()})
        return tuple(torch.from_numpy(out).to(x.device) for out in outs)


def _levels(names: Iterable[str], outs: Sequence[Tensor], group: str) -> list[Tensor]:
    """The outputs ``group_0``, ``group_1``..."""
    return [x for name, x in zip(names, outs, strict=True) if name.rpartition('_')[0] == group]


def run_by_onnx(model: nn.Module, network: OnnxNetwork) -> nn.Module:
    """A copy of a model whose network is run by ONNX Runtime; all else stays the library's.

    ``predict``, and with it ``test_step`` and whatever evaluates a model, goes through mmseg's or
    mmdet's own preprocessing and decoding, and through the graphs between them.

    Args:
        model: The model that was exported.
        network: Its graphs.

    Returns:
        The copy, for batches of one image of the exported size.

    Raises:
        ExportError: The graphs are of another model.
    """
    kind = network.manifest['kind']
    if network.manifest['model'] != type(model).__name__ or not hasattr(model, 'extract_feat'):
        raise ExportError(
            f'the graphs are of a {network.manifest["model"]} ({kind}), the model is a '
            f'{type(model).__name__}, expected the segmentor or detector that was exported'
        )
    copied: Any = copy.deepcopy(model).eval()
    if kind == 'two-stage':
        _replace_two_stages(copied, network)
        return copied
    # The graph reads images: they take the place of the features up to the head that ends it.
    copied.extract_feat = lambda images: (images,)
    head = next(
        getattr(copied, name)
        for name in ('decode_head', 'panoptic_head', 'bbox_head')
        if hasattr(copied, name)
    )

    def forward(x: tuple[Tensor], *_: Any) -> Any:
        outs = network(x[0])
        if kind == 'mask classifier':
            return tuple(out.unsqueeze(0) for out in outs)
        if kind == 'one-stage':
            half = len(outs) // 2
            return list(outs[:half]), list(outs[half:])
        return outs[0]

    head.forward = forward
    return copied


def _replace_two_stages(model: Any, network: OnnxNetwork) -> None:
    names = network.manifest['graphs']['backbone_rpn']['outputs']
    first: dict[str, tuple[Tensor, ...]] = {}

    def extract_feat(images: Tensor) -> tuple[Tensor, ...]:
        first['outs'] = network.run('backbone_rpn', images)
        # The heads know a time axis.
        return tuple(x.unsqueeze(0) for x in _levels(names, first['outs'], 'map'))

    def propose(_: Any) -> tuple[list[Tensor], list[Tensor]]:
        outs = first['outs']
        return _levels(names, outs, 'rpn_cls'), _levels(names, outs, 'rpn_reg')

    model.extract_feat = extract_feat
    model.rpn_head.forward = propose
    model.roi_head.bbox_head.forward = lambda x: network.run('bbox_head', x.squeeze(0))
    if 'mask_head' in network.sessions:
        model.roi_head.mask_head.forward = lambda x: network.run('mask_head', x.squeeze(0))[0]

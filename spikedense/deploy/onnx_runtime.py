"""Runs exported graphs with ONNX Runtime."""

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
        folder: Folder of the graphs and the manifest.
        providers: Execution providers of ONNX Runtime, the preferred one first.

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
        """Run the graph that reads images; only two-stage detectors have other graphs.

        Args:
            images: Normalised images, ``[1, 3, H, W]``, of the exported size.

        Returns:
            The outputs of the graph, in the order of the manifest.
        """
        return self.run(next(iter(self.sessions)), images)

    def run(self, graph: str, x: Tensor) -> tuple[Tensor, ...]:
        """Run one graph.

        Args:
            graph: Name of the graph in the manifest.
            x: Input of the graph.

        Returns:
            The outputs of the graph, in the order of the manifest, on the device of ``x``.

        Raises:
            ExportError: The graph expects an input of another shape.
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
    """Return the outputs with the names ``group_0``, ``group_1``..."""
    return [x for name, x in zip(names, outs, strict=True) if name.rpartition('_')[0] == group]


def run_by_onnx(model: nn.Module, network: OnnxNetwork) -> nn.Module:
    """Copy a model, and let ONNX Runtime compute the network of the copy.

    Preprocessing and decoding stay those of mmseg or mmdet. So ``predict``, ``test_step`` and all
    evaluation work as before.

    Args:
        model: The model that was exported.
        network: The exported graphs of the model.

    Returns:
        The copy, for batches of one image of the exported size.

    Raises:
        ExportError: The graphs belong to another model.
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
    # The graph contains backbone and head: the images are passed on to the head, which runs it.
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
        # The heads expect a time axis.
        return tuple(x.unsqueeze(0) for x in _levels(names, first['outs'], 'map'))

    def propose(_: Any) -> tuple[list[Tensor], list[Tensor]]:
        outs = first['outs']
        return _levels(names, outs, 'rpn_cls'), _levels(names, outs, 'rpn_reg')

    model.extract_feat = extract_feat
    model.rpn_head.forward = propose
    model.roi_head.bbox_head.forward = lambda x: network.run('bbox_head', x.squeeze(0))
    if 'mask_head' in network.sessions:
        model.roi_head.mask_head.forward = lambda x: network.run('mask_head', x.squeeze(0))[0]

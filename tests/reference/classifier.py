"""A backbone with a classification head, of which most goldens show the features and the logits."""

from golden import Twin, numbered
from torch import Tensor, nn

from spikedense.converters import Family
from spikedense.models.cls_heads import SpikeClsHead


class Classifier(nn.Module):
    """Backbone and classification head.

    Args:
        backbone: the backbone.
        head: the head.
        with_stem: whether the output of the first stem is an output, too.
    """

    def __init__(self, backbone: nn.Module, head: SpikeClsHead, with_stem: bool = False) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.stems: list[Tensor] = []
        if with_stem:
            # The backbone runs the layers of a stem one by one.
            last = list(backbone.stages[0].downsample)[-1]
            last.register_forward_hook(lambda _, __, out: self.stems.append(out))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Returns the features and the logits."""
        self.stems.clear()
        feats = self.backbone(x)
        return (*self.stems, *feats, self.head(feats))

    def twin(self, *families: Family) -> Twin:
        """The twin of a golden that shows all outputs, and that these families convert."""
        return Twin(self, families, lambda x: numbered(self(x['x'])))

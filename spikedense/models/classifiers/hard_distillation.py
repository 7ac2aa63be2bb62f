"""An image classifier that learns the labels of a teacher, too."""

from typing import Any

import torch
from mmengine.registry import MODELS as ROOT
from mmpretrain.models.classifiers import ImageClassifier
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from spikedense.errors import UserError
from spikedense.registry import MODELS
from spikedense.weights import load, read_checkpoint, read_state_dict


@MODELS.register_module()
class HardDistillation(ImageClassifier):
    """mmpretrain's ``ImageClassifier``, whose second classifier learns the labels of a teacher.

    This is the hard distillation of DeiT, the last training stage of the large models of
    Spike-driven Transformer V3: the teacher's label of an image is the class of its largest logit.

    The teacher exists in training only. It is no part of the checkpoints, and it is built when the
    first batch needs it, so that a test needs neither its library nor its file.

    Args:
        *args: Arguments of ``ImageClassifier``. The head is a ``SpikeClsHead`` with
            ``distilled=True``.
        teacher: Config of a model that maps images to logits, as mmpretrain's ``ImageClassifier``
            or ``TimmClassifier``. It gets the images that the student gets.
        teacher_checkpoint: File with all its weights.
        **kwargs: Further arguments of ``ImageClassifier``.
    """

    def __init__(
        self,
        *args: Any,
        teacher: dict[str, Any],
        teacher_checkpoint: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if getattr(self.head, 'fc_kd', None) is None:
            raise ValueError(
                f'HardDistillation: the head is {type(self.head).__name__} without a second '
                'classifier, expected a SpikeClsHead with distilled=True'
            )
        self.teacher_cfg = teacher
        self.teacher_checkpoint = teacher_checkpoint
        # A list hides the teacher from the parameters, the state dict and the device of the model.
        self._teacher: list[nn.Module] = []

    def init_weights(self) -> None:
        """Initialise the weights, and load the teacher before the first batch is read."""
        super().init_weights()
        self.teacher()

    def teacher(self) -> nn.Module:
        """Return the teacher with its weights, in eval mode.

        Raises:
            UserError: There is no file with its weights, or the file does not fit.
        """
        if not self._teacher:
            if self.teacher_checkpoint is None:
                raise UserError(
                    'teacher_checkpoint=None, expected a file with the weights of the teacher: '
                    '--cfg-options model.teacher_checkpoint=FILE'
                )
            built = ROOT.build(self.teacher_cfg)
            state = read_state_dict(read_checkpoint(self.teacher_checkpoint))
            load(built, state, self.teacher_checkpoint, name='the teacher')
            self._teacher.append(built.eval().requires_grad_(False))
        return self._teacher[0]

    @torch.no_grad()
    def teach(self, images: Tensor) -> Tensor:
        """Return the teacher's label of each image, ``[B, C, H, W] -> [B]``."""
        return self.teacher().to(images.device)(images).argmax(dim=1)

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Compute the losses.

        Args:
            inputs: Images, ``[B, C, H, W]``.
            data_samples: Their labels, which the first classifier learns.

        Returns:
            The losses of the head.
        """
        labels = self.teach(inputs)
        return self.head.loss(self.extract_feat(inputs), data_samples, teacher_labels=labels)

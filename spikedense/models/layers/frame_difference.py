"""Differences of frames, the input of a temporal branch."""

import torch
from torch import Tensor, nn


class FrameDifference(nn.Module):
    r"""The change of a membrane map over time.

    .. math::
        d[t] = x[t] - x[t - k] \text{ for } t \ge k, \qquad d[t] = 0 \text{ for } t < k

    With ``on_off=True`` the output has twice the channels, :math:`[d]_+` and :math:`[-d]_+`: a
    neuron then spikes on growing and on falling values, as a pixel of an event camera does.

    As a neuron, this layer starts anew at every call. With ``keep_state=True`` (streaming) it keeps
    the last k frames for the next call, until :meth:`reset`; copies start anew.

    Args:
        offset: Number of frames k between the two maps.
        on_off: Whether growing and falling values have their own channels.
        keep_state: Whether the layer keeps the last frames for the next call.
    """

    no_nir = 'a difference of frames has no NIR node'

    def __init__(self, offset: int = 1, on_off: bool = False, keep_state: bool = False) -> None:
        super().__init__()
        if not isinstance(offset, int) or isinstance(offset, bool) or offset < 1:
            raise ValueError(f'offsets: {offset!r}, expected integers of at least 1')
        self.offset = offset
        self.on_off = on_off
        self.keep_state = keep_state
        self._kept: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]`` (``2 * C`` channels with ``on_off``)."""
        seen = x
        if self.keep_state:
            seen = x if self._kept is None else torch.cat([self._kept, x])
            self._kept = seen[-self.offset :]
        # The first k frames are compared with themselves.
        before = torch.cat([seen[: self.offset], seen[: -self.offset]])
        difference = x - before[len(seen) - len(x) :]
        if not self.on_off:
            return difference
        return torch.cat([difference.relu(), (-difference).relu()], dim=-3)

    def reset(self) -> None:
        """Forget the kept frames."""
        self._kept = None

    def detach(self) -> None:
        """Keep the frames without their graph: no gradient reaches earlier calls."""
        if self._kept is not None:
            self._kept = self._kept.detach()

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_kept': None}

    def extra_repr(self) -> str:
        text = f'offset={self.offset}, on_off={self.on_off}'
        return text + (', keep_state=True' if self.keep_state else '')

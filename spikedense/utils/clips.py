"""Clips in one tensor: the frames of a clip lie behind each other on the axis of the channels."""

from torch import Tensor

from spikedense.errors import UserError


def split_frames(x: Tensor, T: int) -> Tensor:
    """Give the frames of clips an axis: ``[..., T*C, H, W] -> [..., T, C, H, W]``."""
    return x.unflatten(-3, (T, x.size(-3) // T))


def join_frames(x: Tensor) -> Tensor:
    """Put the frames of clips on the channels: ``[..., T, C, H, W] -> [..., T*C, H, W]``."""
    return x.flatten(-4, -3)


def check_frames(found: int, T: int, channels: int, what: str, key: str) -> None:
    """Compare the channels of a clip with the frames that a config expects.

    Args:
        found: Channels of the clip, those of all frames together.
        T: Number of frames that the config expects.
        channels: Channels of a frame.
        what: The clip, for the error.
        key: The key of the config with T, for the error.

    Raises:
        UserError: The clip has another number of frames.
    """
    if found == T * channels:
        return
    frames, rest = divmod(found, channels)
    has = f'{found} channels, no whole number of frames' if rest else f'{frames} frame(s)'
    raise UserError(f'{what} has {has}, but {key}={T}, expected {T} frames of {channels} channels')

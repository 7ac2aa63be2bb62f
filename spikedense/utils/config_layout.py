"""A config whose text is laid out once: mmengine lays it out four times a run, and at each save."""

from mmengine.config import Config

#: The text of each content. Its size is bounded by a few runs in one process.
_LAYOUTS: dict[str, str] = {}
_MOST = 8


class LaidOutOnce(Config):
    """A config that keeps its formatted text until its content changes.

    mmengine calls a formatter of source code, which takes from a third of a second to a second.
    """

    @classmethod
    def of(cls, cfg: Config) -> 'LaidOutOnce':
        """Make such a config of another one.

        Args:
            cfg: The config. It shares its content with the new one.

        Returns:
            The new config.
        """
        made = cls.__new__(cls)
        made.__setstate__(cfg.__getstate__())
        return made

    @property
    def pretty_text(self) -> str:
        """The formatted text."""
        content = repr(self.to_dict())
        if content not in _LAYOUTS:
            if len(_LAYOUTS) >= _MOST:
                _LAYOUTS.clear()
            _LAYOUTS[content] = super().pretty_text
        return _LAYOUTS[content]

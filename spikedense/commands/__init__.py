"""What the command lines share: their arguments, and how an error is shown."""

from .errors import report_errors

__all__ = ['report_errors']

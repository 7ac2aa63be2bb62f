"""The command lines: one module a command, what they share, and how an error is shown."""

from .errors import report_errors

__all__ = ['report_errors']

"""What the command lines call: training and testing a config, and errors made for users."""

from .errors import UserError, report_errors
from .launch import test, train

__all__ = ['UserError', 'report_errors', 'test', 'train']

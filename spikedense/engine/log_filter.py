"""A filter for the messages that the screen does not show."""

import logging

#: Beginnings of messages that fill a screen or concern no user.
_LOG_FILE_ONLY = (
    'Config:',
    'Hooks will be executed',
    'paramwise_options',
    'Distributed training is not used',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'The prefix is not set in metric class',
    '\n' + '-' * 60 + '\nSystem environment',
)


class ScreenFilter(logging.Filter):
    """Keep messages of mmengine from the screen that belong into the log file only."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the screen shows a message.

        Args:
            record: The message.

        Returns:
            False for a message that stands in the log file only.
        """
        return not str(record.msg).startswith(_LOG_FILE_ONLY)

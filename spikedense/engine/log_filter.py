"""A filter for the messages that the screen does not show."""

import logging

#: Beginnings of messages that are too long for the screen or useless to a user.
_LOG_FILE_ONLY = (
    'Config:',
    'Hooks will be executed',
    'paramwise_options',
    'Distributed training is not used',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    # AccumulationHook tells whether gradients are lost.
    'Resumed iteration number is not divisible',
    'The prefix is not set in metric class',
    '\n' + '-' * 60 + '\nSystem environment',
)


class ScreenFilter(logging.Filter):
    """Hide messages of mmengine that belong in the log file only from the screen."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the screen shows a message.

        Args:
            record: The message.

        Returns:
            False for a message that belongs in the log file only.
        """
        return not str(record.msg).startswith(_LOG_FILE_ONLY)

"""The frame of a command: its parser, its option ``--debug`` and the end after an error."""

import argparse
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from .errors import report_errors

Result = TypeVar('Result')
Result_co = TypeVar('Result_co', covariant=True)


class Command(Protocol[Result_co]):
    """What :func:`command` makes: a function that runs a command line."""

    def __call__(self, argv: Sequence[str] | None = None, prog: str | None = None) -> Result_co:
        """Parse the words and run the command.

        Args:
            argv: The words after the name of the command; by default those of the process.
            prog: The name of the command in its help; by default that of the process.

        Returns:
            What the body of the command returns.

        Raises:
            SystemExit: With code 2 after an error of the user, with 128 + number after a signal.
        """


def command(
    description: str | None, add_arguments: Callable[[argparse.ArgumentParser], None]
) -> Callable[[Callable[[argparse.Namespace], Result]], Command[Result]]:
    """Make a command of a function that takes parsed arguments.

    Positional arguments may stand before, between and after options.

    Args:
        description: The text of the help: the docstring of the module.
        add_arguments: Adds the arguments of this command. ``--debug`` is added for each command.

    Returns:
        A decorator for the function, which is the body of the command.
    """

    def decorate(body: Callable[[argparse.Namespace], Result]) -> Command[Result]:
        def main(argv: Sequence[str] | None = None, prog: str | None = None) -> Result:
            parser = argparse.ArgumentParser(
                prog=prog,
                description=description and description.replace('``', ''),
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
            add_arguments(parser)
            parser.add_argument(
                '--debug', action='store_true', help='show the traceback of an error'
            )
            args = parser.parse_intermixed_args(argv)
            with report_errors(args.debug):
                return body(args)

        # `functools.wraps` would also show the signature of the body, which is another one.
        main.__module__, main.__doc__ = body.__module__, body.__doc__
        return main

    return decorate

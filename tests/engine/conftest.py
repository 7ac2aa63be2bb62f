"""Fixtures of the tests of the engine."""

import os
import traceback
from collections.abc import Callable

import pytest
import torch


@pytest.fixture
def in_child() -> Callable[[Callable[[], str]], str]:
    """Calls a function in a forked process, and returns its text, or that of its error."""

    def call(function: Callable[[], str]) -> str:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            torch.set_num_threads(1)
            try:
                text = function()
            except BaseException:
                text = traceback.format_exc()
            os.write(writer, text.encode()[:60000])
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as file:
            text = file.read()
        os.waitpid(child, 0)
        return text

    return call

"""The modules of a model that answer a question."""

from typing import Any

from torch import Tensor, nn

from spikedense.utils.answers import Unfoldable, ask


def answering(model: nn.Module, question: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Ask all modules of a model.

    Args:
        model: The model.
        question: Name of the method that answers, such as ``'token_scores'``.

    Returns:
        Name -> module for those that answer, and name -> reason for those whose inherited answer
        may be wrong.
    """
    found: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for name, module in model.named_modules():
        try:
            if ask(module, question) is not None:
                found[name] = module
        except Unfoldable as reason:
            refused[name] = str(reason)
    return found, refused


def first_input(args: tuple, kwargs: dict[str, Any]) -> Tensor:
    """Return the first input of a call, which a forward pre-hook gets.

    Args:
        args: The positional arguments of the call.
        kwargs: Its arguments by name.
    """
    return args[0] if args else next(iter(kwargs.values()))

"""The parts of a data set that is built: the data sets in wrappers, and the steps of pipelines."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

_WRAPPED = ('dataset', 'datasets', '_dataset')


def inner_data_sets(dataset: Any) -> list[Any]:
    """Return the data sets that a data set is made of.

    Args:
        dataset: A data set, maybe a wrapper of others (repeated, joined, mixed, ...).

    Returns:
        The data sets without their wrappers, each once.
    """
    found: dict[int, Any] = {}
    for name in _WRAPPED:
        # Not getattr, because wrappers may pass unknown names on to the data set inside.
        held = vars(dataset).get(name) if hasattr(dataset, '__dict__') else None
        for part in held if isinstance(held, list | tuple) else [held]:
            if hasattr(part, '__getitem__') and hasattr(part, '__len__'):
                found.update((id(inner), inner) for inner in inner_data_sets(part))
    return list(found.values()) or [dataset]


def pipelines(dataset: Any) -> Iterator[list[Any]]:
    """Yield the lists of steps of a data set, those of augmented copies too.

    Args:
        dataset: A data set without wrappers.

    Yields:
        The list that the data set itself uses, so that a change of the list is a change of the
        data set.
    """
    yield from _lists(getattr(dataset, 'pipeline', None))


def steps_of(dataset: Any) -> list[Any]:
    """Return the steps of the pipeline of a data set; of augmented copies those of the first.

    Args:
        dataset: A data set without wrappers.
    """
    return _flat(getattr(dataset, 'pipeline', None))


def _flat(pipeline: Any) -> list[Any]:
    found = []
    for step in getattr(pipeline, 'transforms', ()):
        copies = getattr(step, 'subroutines', ())  # of TestTimeAug
        found += _flat(copies[0]) if copies else [step]
    return found


def _lists(pipeline: Any) -> Iterator[list[Any]]:
    steps = getattr(pipeline, 'transforms', None)
    if not isinstance(steps, list):
        return
    yield steps
    for step in steps:
        for copy in getattr(step, 'subroutines', ()):  # of TestTimeAug
            yield from _lists(copy)


def is_local(path: str | None) -> bool:
    """Tell whether this is a path, and neither None nor an address (``s3://bucket/x.jpg``)."""
    if not path:
        return False
    scheme, _, rest = path.partition('/')
    return not (scheme.endswith(':') and rest.startswith('/'))


def absent_files(paths: list[str]) -> list[str]:
    """Return those paths at which there is no file.

    Each folder is listed once: 118,000 questions to a network disk would take minutes.

    Args:
        paths: Local paths.
    """
    split = [os.path.split(path) for path in paths]
    listed = {folder: _names_in(folder) for folder in {folder for folder, _ in split}}
    return [
        path
        for path, (folder, name) in zip(paths, split, strict=True)
        if name not in listed[folder]
    ]


def _names_in(folder: str) -> set[str]:
    try:
        return set(os.listdir(folder or '.'))
    except (FileNotFoundError, NotADirectoryError):
        return set()


def spread(entries: Sequence[Any], number: int | None) -> Sequence[Any]:
    """Choose entries that are spread over all of them.

    Args:
        entries: The entries.
        number: The largest number of entries; None means all.
    """
    return entries if number is None else entries[:: len(entries) // number + 1]

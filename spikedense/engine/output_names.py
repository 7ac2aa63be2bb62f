"""Names of the output files of a data set's images."""

from typing import Any

from mmengine.hooks import Hook

from spikedense.errors import UserError
from spikedense.utils.output_names import name_of, unique_names


class OutputNames:
    """Names for the images of a data set, see :func:`~spikedense.utils.output_names.unique_names`.

    Args:
        dataset: The data set. Images that it does not list get a name when they come.
    """

    def __init__(self, dataset: Any) -> None:
        self.names = unique_names(image_paths(dataset))
        self._taken = set(self.names.values())

    def of(self, path: str | None, number: int) -> str:
        """Return the name of an image.

        Args:
            path: Path of its file; None for an image that is no file.
            number: Number of the image in its run.
        """
        if path is None:
            return f'image_{number:06d}'
        if path not in self.names:
            name, copy = name_of(path), 1
            while name in self._taken:
                copy += 1
                name = f'{name_of(path)}_{copy}'
            self.names[path] = name
            self._taken.add(name)
        return self.names[path]


def image_paths(dataset: Any) -> list[str]:
    """List the paths of a data set's images; an empty list if the data set does not tell them."""
    if not hasattr(dataset, 'get_data_info'):
        return []
    found = (dataset.get_data_info(index).get('img_path') for index in range(len(dataset)))
    return [str(path) for path in found if path]


class LabelMapNamesHook(Hook):
    """Give the metrics that write a file for each image the names of the files."""

    def before_test(self, runner: Any) -> None:
        """Give the names.

        Args:
            runner: The runner.

        Raises:
            UserError: A metric chooses its names itself, and would write one file for two images.
        """
        _give_names(runner.test_evaluator, runner.test_dataloader.dataset, 'test')

    def before_val(self, runner: Any) -> None:
        """Give the names, see :meth:`before_test`.

        Args:
            runner: The runner.
        """
        _give_names(runner.val_evaluator, runner.val_dataloader.dataset, 'val')


def _give_names(evaluator: Any, dataset: Any, phase: str) -> None:
    """Give the metrics of an evaluator that write files the names of the files."""
    writers = [
        metric
        for metric in getattr(evaluator, 'metrics', ())
        if getattr(metric, 'output_dir', None)
    ]
    names = OutputNames(dataset) if writers else None
    for metric in writers:
        if hasattr(metric, 'names'):
            metric.names = names
        elif names is not None:
            _check_own_names(f'{phase}_evaluator: {type(metric).__name__}', list(names.names))


def _check_own_names(metric: str, paths: list[str]) -> None:
    """Refuse two images of one name, for metrics of mmseg, which know no folders."""
    seen: dict[str, str] = {}
    for path in paths:
        other = seen.setdefault(name_of(path), path)
        if other != path:
            raise UserError(
                f"{metric} would write one file for '{other}' and '{path}', "
                'expected images of different names, or no output_dir'
            )

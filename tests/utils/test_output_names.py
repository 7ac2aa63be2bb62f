"""Names of output files."""

import pytest

from spikedense.utils.output_names import name_of, unique_names


@pytest.mark.parametrize(
    ('path', 'name'),
    [
        ('a/b.png', 'b'),
        ('b.tar.gz', 'b.tar'),
        ('frame.0001.png', 'frame.0001'),
        ('frame.0001', 'frame.0001'),
        ('no_suffix', 'no_suffix'),
        ('.png', '.png'),
    ],
)
def test_only_a_suffix_is_cut(path: str, name: str) -> None:
    assert name_of(path) == name


@pytest.mark.parametrize(
    ('paths', 'names'),
    [
        (['x/a.png', 'y/b.png'], ['a', 'b']),
        (['x/a.png', 'y/a.png'], ['x/a', 'y/a']),
        (['x/a.png', 'x/A.png'], ['a.png', 'A.png']),
        (['x/a.png', 'x/a.jpg', 'x/b.png'], ['a.png', 'a.jpg', 'b.png']),
        (['v/x/a.png', 'v/y/a.png', 'v/y/a.png'], ['x/a', 'y/a']),
    ],
)
def test_no_two_images_share_a_name(paths: list[str], names: list[str]) -> None:
    assert list(unique_names(paths).values()) == names

"""The registries of the package."""

import pytest
from mmengine.registry import Registry

from spikedense import registry

REGISTRIES = {name: value for name, value in vars(registry).items() if isinstance(value, Registry)}


@pytest.mark.parametrize('name', REGISTRIES)
def test_each_registry_holds_a_class(name: str) -> None:
    REGISTRIES[name].import_from_location()
    assert REGISTRIES[name].module_dict

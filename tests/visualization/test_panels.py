"""Panels: colours of labels, and a picture that holds all of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from spikedense.analysis.firing.maps import FiringMap
from spikedense.neurons import NILIF
from spikedense.visualization.panels import VOID, colour_labels, draw_panels, palette_of

PALETTE = [(10, 20, 30), (200, 100, 0)]


def test_labels_get_the_colours_of_their_classes() -> None:
    labels = np.array([[0, 1], [1, 0]], dtype=np.uint8)
    colours = colour_labels(labels, PALETTE)
    assert colours.dtype == np.uint8
    assert colours.tolist() == [[[10, 20, 30], [200, 100, 0]], [[200, 100, 0], [10, 20, 30]]]


def test_pixels_without_a_label_are_hatched() -> None:
    labels = np.zeros((16, 16), np.uint8)
    labels[:, 8:] = 255
    colours = colour_labels(labels, PALETTE)
    assert (colours[:, :8] == PALETTE[0]).all()
    void = {tuple(colour) for colour in colours[:, 8:].reshape(-1, 3).tolist()}
    assert len(void) == 2 and VOID in void and not void & set(PALETTE)


def test_classes_without_a_palette_have_different_colours() -> None:
    palette = palette_of(dict(classes=list('abcdefgh'), palette=None))
    assert len(set(palette)) == 8 and VOID not in palette
    assert palette_of(dict(classes='ab', palette=np.array(PALETTE).tolist())) == PALETTE


def test_a_picture_has_every_panel(tmp_path: Path) -> None:
    out = tmp_path / 'panels.png'
    red = np.zeros((8, 12, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    rows = [dict(image=red, rate=np.linspace(0, 0.5, 96).reshape(8, 12))] * 2
    draw_panels(out, rows, ['a', 'b'], PALETTE)
    pixels = np.array(Image.open(out).convert('RGB')).reshape(-1, 3)
    for colour in ((255, 0, 0), *PALETTE):  # the panels, and the legend
        assert (np.abs(pixels.astype(int) - colour).sum(1) == 0).any(), colour
    assert [path.name for path in tmp_path.iterdir()] == ['panels.png']


def test_a_map_is_the_mean_of_the_neurons_rates() -> None:
    model = nn.Sequential(NILIF(D=4), NILIF(D=4))
    x = torch.zeros(1, 2, 3, 4, 4)
    x[:, 1, :, :2] = 2.0  # two of four levels, in the upper half of the second image
    with FiringMap().watch(model) as firing:
        model(x)
    assert firing.of_image((4, 4), 0).abs().max() == 0
    found = firing.of_image((4, 4), 1)
    # The first neuron emits 2 / 4, the second one reads this and emits round(0.5) / 4 = 0.
    torch.testing.assert_close(found[:2], torch.full((2, 4), 0.25))
    assert found[2:].abs().max() == 0


def test_a_model_without_maps_is_named() -> None:
    with pytest.raises(ValueError, match='no neuron of the model has sent a map'):
        FiringMap().of_image((2, 2))

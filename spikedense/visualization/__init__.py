"""Figures of runs, and the visualizer that draws the predictions of a config.

Import the modules by name. This package imports none of them, so that a registry lookup loads no
plotting library.
"""

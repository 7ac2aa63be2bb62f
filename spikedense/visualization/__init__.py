"""Figures of runs, and the visualizer that draws the predictions of a config.

The modules are imported by name, because a registry lookup that passes here should load no plotting
library.
"""

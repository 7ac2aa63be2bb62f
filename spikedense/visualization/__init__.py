"""Figures and reports.

The sub-modules are imported by name: a registry lookup that passes here loads no plotting library.
"""

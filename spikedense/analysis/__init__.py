"""Measurements of models; the command lines under ``tools/analysis_tools`` call them.

Its modules are imported by name, so that one measurement does not load the others' libraries.
"""

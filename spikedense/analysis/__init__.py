"""Measurements of a model: time, memory, firing rates, operation counts, energy.

Import the modules by name, so that a measurement does not load the libraries of the others.
"""

"""The report of a checkpoint: its data, its charts and its page.

The modules are imported by name, because the charts load a plotting library.
"""

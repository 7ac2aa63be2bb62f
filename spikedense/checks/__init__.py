"""What is examined before a run: the config, the data, and whether the parts of the model fit.

No module here knows of spikes. The modules are imported by name, because each one needs other
libraries.
"""

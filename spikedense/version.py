"""The version, in one place: `setup.py` and `spikedense.__version__` read it."""

__version__ = '0.1.0'

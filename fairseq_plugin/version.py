"""The version of this release, for the package and, read by setup.py, for its distributions."""

__version__ = "1.0.0"

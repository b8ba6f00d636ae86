"""Attention after a model has produced it: records, files, pictures. Needs NumPy and matplotlib only."""

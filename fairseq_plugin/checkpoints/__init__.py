"""Checkpoints: what they may hold, how they are written whole, and what is said where one cannot be loaded.

fairseq reads and writes every checkpoint itself. Where it leaves a plugin no other place, ``reading.py`` and
``writing.py`` put a function of theirs around one of fairseq's; nothing else of fairseq is changed.
"""

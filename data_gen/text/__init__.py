"""The route ``text``: sentences of real languages, cut into pieces by sentencepiece."""

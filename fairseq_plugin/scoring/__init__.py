"""Scorers that the plugin registers with fairseq."""

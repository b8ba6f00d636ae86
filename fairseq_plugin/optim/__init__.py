"""Optimizers that the plugin registers with fairseq."""

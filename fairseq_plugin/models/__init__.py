"""Models that the plugin registers with fairseq."""

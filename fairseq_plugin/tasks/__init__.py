"""Tasks that the plugin registers with fairseq."""

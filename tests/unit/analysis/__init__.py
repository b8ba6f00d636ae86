"""Tests of fairseq_plugin.analysis and of the scripts that show its results."""

"""The parts of translation_study.py."""

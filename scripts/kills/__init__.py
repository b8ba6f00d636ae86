"""The parts of kill_and_resume.py."""

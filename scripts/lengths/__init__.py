"""The study of accuracy against length: its configuration, jobs, figures and report."""

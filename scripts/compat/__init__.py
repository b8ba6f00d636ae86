"""The versions that this project is tested with: an environment for each, its tests, its quick start."""

"""Set-up shared by all tests."""

import fairseq_plugin  # noqa: F401  (registers everything, with fairseq's import warnings kept quiet)

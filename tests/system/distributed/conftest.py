"""Two processes that train together, for all tests of this folder."""

import pytest

from tests.support.commands import Commands
from tests.support.ranks import Ranks


@pytest.fixture(scope="session")
def ranks(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Ranks:
    """Runs fairseq-train in two processes."""
    return Ranks(tmp_path_factory.mktemp("ranks"), commands)

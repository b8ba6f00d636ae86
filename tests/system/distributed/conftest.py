"""Two processes that train together, for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.support.ranks import Ranks


@pytest.fixture(scope="session")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ranks]:
    """Runs fairseq-train in two processes."""
    runner = Ranks(tmp_path_factory.mktemp("ranks"))
    yield runner
    runner.close()

"""One browser for all tests of this folder, and pages opened in it."""

import pytest

from fairseq_plugin.analysis.viewer import write_page
from tests.support.chromium import chromium, complaints, requests


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        driver.get("about:blank")
        yield driver


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page of some records; at the end, it must have asked for itself only, and not complained."""
    path = tmp_path / "page.html"
    for read in (requests, complaints):
        read(browser)  # what came before

    def show(records, total=None):
        with path.open("wb") as stream:
            write_page(records, "mine.npz", total or len(records), stream)
        browser.get(path.as_uri())
        return browser

    yield show
    asked = set(requests(browser))
    assert complaints(browser) == []
    assert asked - {"data:,"} == {path.as_uri()}
    browser.get("about:blank")

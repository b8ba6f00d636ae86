"""What an error says to the user."""

from collections.abc import Callable
from typing import Any

import pytest

from data_gen.errors import UserError


def message_of(work: Callable[..., Any], *arguments: Any, exit_code: int = 2, **options: Any) -> str:
    """The one line of the UserError that a call ends with."""
    with pytest.raises(UserError) as caught:
        work(*arguments, **options)
    assert caught.value.exit_code == exit_code
    assert "\n" not in str(caught.value)
    return str(caught.value)

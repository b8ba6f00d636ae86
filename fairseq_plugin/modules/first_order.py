"""Backward passes written by hand are right once: their own gradient is not what autograd would take it for."""

import functools
from collections.abc import Callable
from typing import Any

import torch


def first_order(way_out: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate the ``backward`` of an autograd function: no graph inside, and an error where one is asked for.

    torch's ``once_differentiable`` lets ``create_graph=True`` pass where the incoming gradient is a constant, and a
    second derivative is then silently 0. Precisions are chosen by hand as well: a program that calls ``backward`` under
    autocast gets the gradients of one that does not.

    :param way_out: what to use instead.
    """

    def decorate(backward: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(backward)
        def wrapper(*args: Any) -> Any:
            if torch.is_grad_enabled():
                raise RuntimeError(f"no second derivative here, but backward was called with create_graph: {way_out}")
            device = next((grad.device.type for grad in args[1:] if grad is not None), None)
            if device is None or not torch.is_autocast_enabled(device):
                return backward(*args)
            with torch.autocast(device, enabled=False):
                return backward(*args)

        return wrapper

    return decorate

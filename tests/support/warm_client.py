"""How a command is handed to the process of warm_commands.py, and the ``python`` of an environment that does so.

Only light modules of the standard library are imported here: a client must start at once.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def request(
    address: str,
    words: Sequence[str],
    streams: Sequence[int],
    *,
    folder: str,
    environment: Mapping[str, str],
    python: str,
    modules: str,
    session: bool = False,
    begun: Callable[[int], None] = lambda process: None,
) -> int:
    """Run a command to its end.

    :param address: the server's socket.
    :param words: of the command; ``python`` as the first one is followed by a script, by ``-m``, ``-c`` or ``-``.
    :param streams: file descriptors of the command's standard input, output and error.
    :param folder: the command runs there.
    :param python: the command's ``sys.executable``.
    :param modules: where ``python -m`` looks first.
    :param session: whether the command is the first of a session, as if a terminal had started it.
    :param begun: called with the number of the command's process.
    :returns: the exit code; below 0 the number of a signal, as :mod:`subprocess` has it.
    """
    asked = {"words": words, "folder": folder, "environment": dict(environment), "python": python, "modules": modules}
    asked["session"] = session
    content = json.dumps(asked).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        socket.send_fds(connection, [len(content).to_bytes(8, "big")], streams)
        connection.sendall(content)
        with connection.makefile() as answers:
            begun(int(answers.readline()))
            return int(answers.readline())


def main(address: str, real: str) -> NoReturn:
    """Be the ``python`` of an environment. What is more than a program and its words is for the real one.

    So are pytest, which wants to see the first import of each module, and helpers of multiprocessing, which inherit
    open files.
    """
    words = sys.argv[1:]
    option = not words or (words[0].startswith("-") and words[0] not in ("-m", "-c", "-"))
    if option or words[:2] == ["-m", "pytest"] or "multiprocessing" in " ".join(words):
        os.execv(real, [real, *words])

    def pass_on(process: int) -> None:
        for number in PASSED_ON:
            signal.signal(number, lambda number, frame: os.kill(process, number))

    here = os.getcwd()  # noqa: PTH109 - the import of pathlib takes longer than all the rest
    code = request(
        address,
        ["python", *words],
        (0, 1, 2),
        folder=here,
        environment=os.environ,
        python=sys.argv[0],
        modules=here,
        begun=pass_on,
    )
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)

"""Benchmarks that people know, as frozen specifications.

``reference`` is ours: the set-up that the README trains.

``t2t-40`` is ``algorithmic_identity_decimal40`` of tensor2tensor (``data_generators/algorithmic.py``, as of 2018).
Theirs: 10 symbols, uniform; lengths uniform from 1 to 40; 100,000 sequences to train on, 10,000 held out; held-out
lengths up to 400. Ours: a held-out set at the lengths of train, for validation and for testing, and longer ones of one
length each (theirs are uniform from 1 to 400); the seed.

``jelassi`` is the copy task of Jelassi, Brandfonbrener, Kakade and Malach, "Repeat After Me" (arXiv 2402.01032;
``synthetic_exps`` of their repository ``transformers_ssm_copy``). Theirs: 26 letters (``launch.py``), uniform; lengths
uniform from 8 to 50 in training, tests from 40 to 200 (the defaults of ``main.py``). Ours: how many sequences there
are (they draw new ones at every step), the lengths of the test sets between 40 and 200, the seed. They pack several
strings into one context; here each is a sequence of its own.

``joeynmt-reverse`` is the reversal task of JoeyNMT (``scripts/generate_reverse_task.py``). Theirs: 50 symbols, uniform;
lengths uniform from 1 to 25; 50,000 sequences to train on, 1,000 to validate and 1,000 to test on; held-out lengths up
to 30; the seed 42 (of another generator, so that the sequences differ). Ours: held-out sets at the lengths of train
and a test set of length 30 (theirs are uniform from 1 to 30); names of symbols (theirs are 0 to 49).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError

DEFAULT: Final = "reference"

PRESETS: Final[Mapping[str, CopySpec]] = MappingProxyType(
    {
        DEFAULT: CopySpec(num_symbols=8, min_len=3, max_len=7, train=2_000, valid=200, test=200, seed=1),
        "t2t-40": CopySpec(
            num_symbols=10,
            min_len=1,
            max_len=40,
            train=100_000,
            valid=10_000,
            test=10_000,
            seed=1,
            test_lengths=(50, 100, 200, 400),
        ),
        "jelassi": CopySpec(
            num_symbols=26,
            min_len=8,
            max_len=50,
            train=100_000,
            valid=1_000,
            test=1_000,
            seed=1,
            test_lengths=(40, 60, 80, 100, 150, 200),
        ),
        "joeynmt-reverse": CopySpec(
            num_symbols=50,
            min_len=1,
            max_len=25,
            train=50_000,
            valid=1_000,
            test=1_000,
            seed=42,
            transform="reverse",
            test_lengths=(30,),
        ),
    }
)


def find_preset(name: str) -> CopySpec:
    """:raises UserError: if there is none of that name."""
    if name not in PRESETS:
        *others, last = PRESETS
        raise UserError(f"--preset must be {', '.join(others)} or {last}, but is {name!r}")
    return PRESETS[name]

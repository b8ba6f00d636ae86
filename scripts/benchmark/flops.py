"""Arithmetic of the matrix products that the equations ask for, in GFLOP.

Counted once whatever a variant does: keys are projected once, padding is not left out. A backward pass costs twice
its forward pass.
"""

from dataclasses import replace

from scripts.benchmark.settings import Setting

PASSES = 3  # forward, and two products backward for each one forward


def step(setting: Setting) -> int:
    """Multiply-adds of one decoder step of one row, the keys given."""
    size = setting.hidden
    gates = 3 * size * (setting.embed + setting.annotation + size)
    attention = size * setting.attention + setting.source * (setting.attention + setting.annotation)
    return gates + attention


def decoder(setting: Setting) -> int:
    """Multiply-adds of the recurrence over a whole batch, the projection of the keys included."""
    keys = setting.source * setting.annotation * setting.attention
    return setting.batch * (setting.target * step(setting) + keys)


def encoder(setting: Setting) -> int:
    """Multiply-adds of the encoder over a whole batch."""
    units = setting.encoder_hidden
    return setting.batch * setting.source * setting.directions * 3 * units * (setting.embed + units)


def output(setting: Setting, rows: int) -> int:
    """Multiply-adds of the output layer."""
    return rows * setting.hidden * setting.symbols


def gflop(multiply_adds: int) -> float:
    """Billions of operations, two for each multiply-add."""
    return 2.0 * multiply_adds / 1e9


def core_gflop(setting: Setting) -> float:
    """Decoder core, forward and backward."""
    return gflop(PASSES * decoder(setting))


def update_gflop(setting: Setting) -> float:
    """A whole update of the model."""
    rows = setting.batch * setting.target
    return gflop(PASSES * (encoder(setting) + decoder(setting) + output(setting, rows)))


def token_gflop(setting: Setting) -> float:
    """Training, for each target token of data whose sequences have the mean length."""
    length = mean_length(setting)
    return update_gflop(replace(setting, source=length, target=length)) / (setting.batch * length)


def sentence_gflop(setting: Setting, beam: int) -> float:
    """Decoding a sentence of mean length to an output of ``decoded_length`` symbols and the end."""
    one = replace(setting, batch=1, source=mean_length(setting), target=0)
    rows = beam * (setting.decoded_length + 1)
    return gflop(encoder(one) + decoder(one) + rows * step(one) + output(setting, rows))


def mean_length(setting: Setting) -> int:
    """Of the sequences in the data, with end symbol."""
    return sum(setting.lengths) // 2 + 1


def decode_gflop(setting: Setting, *, with_output: bool) -> float:
    """One decoding step of all beam rows."""
    rows = setting.beam * setting.decoded_batch
    return gflop(rows * step(setting) + (output(setting, rows) if with_output else 0))

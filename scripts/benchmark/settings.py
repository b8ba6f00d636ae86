"""The sizes that are measured. ``large`` has those of RNNsearch-50 (arXiv 1409.0473).

Arithmetic is counted in GFLOP, for the matrix products that the equations ask for, whatever a variant does: keys are
projected once, padding is not left out. A backward pass costs twice its forward pass.
"""

from dataclasses import dataclass, replace

SPECIAL_SYMBOLS = 4  # bos, pad, eos, unk


@dataclass(frozen=True)
class Setting:
    """One size of model and batch.

    :param source: S, with end symbol.
    :param symbols: V, with the special ones.
    :param directions: of the encoder, 1 or 2.
    :param encoder_hidden: units per direction.
    :param lengths: of the shortest and longest sequence in training data, without end symbol.
    :param repetitions: of each thing measured in this process; commands are repeated ``command_repetitions`` times.
    :param warmups: runs before that.
    :param preprocessed: train sequences of the data that is made to see how fast that goes.
    :param lines: train lines of the text that is encoded likewise, with models of ``pieces`` pieces.
    :param updates: of a training, logged in intervals of ``interval``.
    """

    name: str
    batch: int
    source: int
    target: int
    embed: int
    hidden: int
    attention: int
    symbols: int
    directions: int
    encoder_hidden: int
    lengths: tuple[int, int]
    repetitions: int
    warmups: int
    updates: int
    interval: int
    sequences: int = 2000
    preprocessed: int = 2_000_000
    lines: int = 200_000
    pieces: int = 8_000
    beam: int = 5
    decoded_batch: int = 32
    decoded_sentences: int = 200
    decoded_length: int = 31
    command_repetitions: int = 3

    @property
    def annotation(self) -> int:
        """C, size of an annotation."""
        return self.directions * self.encoder_hidden


TINY = Setting(
    name="tiny",
    batch=32,
    source=7,
    target=8,
    embed=32,
    hidden=64,
    attention=64,
    symbols=12,
    directions=1,
    encoder_hidden=64,
    lengths=(3, 7),
    repetitions=50,
    warmups=5,
    updates=500,
    interval=50,
    decoded_sentences=5_000,
    decoded_length=7,
    command_repetitions=5,
)
MID = Setting(
    name="mid",
    batch=64,
    source=31,
    target=31,
    embed=256,
    hidden=512,
    attention=512,
    symbols=10_000,
    directions=2,
    encoder_hidden=256,
    lengths=(20, 40),
    repetitions=7,
    warmups=2,  # the second run, with others between, is slow as well
    updates=16,
    interval=4,
)
LARGE = Setting(
    name="large",
    batch=80,
    source=50,
    target=50,
    embed=620,
    hidden=1000,
    attention=1000,
    symbols=30_000,
    directions=2,
    encoder_hidden=1000,
    lengths=(20, 50),
    repetitions=2,
    warmups=1,
    updates=8,
    interval=2,
)
SETTINGS = {setting.name: setting for setting in (TINY, MID, LARGE)}


def enlarged(setting: Setting) -> Setting:
    """The same sizes with more work for a GPU, which needs it to leave its start behind; each command runs once."""
    return replace(
        setting,
        repetitions=20,
        command_repetitions=1,
        updates=10 * setting.updates,
        interval=10 * setting.interval,
        decoded_batch=4 * setting.decoded_batch,
        decoded_sentences=10 * setting.decoded_sentences,
    )


def shrunk(setting: Setting) -> Setting:
    """The same shape of model with sizes that take no time, to see that everything works."""
    return replace(
        setting,
        batch=4,
        source=5,
        target=6,
        embed=8,
        hidden=12,
        attention=10,
        symbols=40,
        encoder_hidden=12 // setting.directions,
        lengths=(3, 5),
        repetitions=1,
        warmups=0,
        updates=4,
        interval=2,
        sequences=16,
        preprocessed=500,
        lines=300,
        pieces=400,
        beam=2,
        decoded_batch=4,
        decoded_sentences=8,
        decoded_length=5,
        command_repetitions=1,
    )


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
    """Training, for each target token of sequences of the mean length."""
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

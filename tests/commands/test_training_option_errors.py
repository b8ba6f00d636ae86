"""fairseq-train: options of task and model that make no sense, alone or together."""

from pathlib import Path

from tests.support.case import Case, check, table
from tests.support.commands import Commands

OPTIONS = {
    "size 0": Case(
        "fairseq-train {data} TRAIN --attention-dim 0",
        "fairseq-train: error: --attention-dim must be at least 1, but is 0",
        slow=True,
    ),
    "negative size": Case(
        "fairseq-train {data} TRAIN --encoder-hidden-size -8",
        "fairseq-train: error: --encoder-hidden-size must be at least 1, but is -8",
    ),
    "no number": Case(
        "fairseq-train {data} TRAIN --attention-dim many",
        "fairseq-train: error: argument --attention-dim: invalid int value: 'many'",
    ),
    "dropout nan": Case(
        "fairseq-train {data} TRAIN --dropout nan",
        "fairseq-train: error: --dropout must be at least 0 and below 1, but is nan",
    ),
    "metric of decoding, which is left out": Case(
        "fairseq-train {data} TRAIN --eval-beam 0 --best-checkpoint-metric exact_match",
        "fairseq-train: error: --best-checkpoint-metric exact_match is of decoded sequences, which --eval-beam 0 leaves out: drop one of the two",
    ),
    "unknown attention": Case(
        "fairseq-train {data} TRAIN --attention best",
        "fairseq-train: error: argument --attention: invalid choice: 'best' (choose from [..])",
    ),
    "unknown architecture": Case(
        "fairseq-train {data} TRAIN --arch nosuch",
        "fairseq-train: error: argument --arch/-a: invalid choice: 'nosuch' (choose from [..])",
        slow=True,
    ),
    "option of another attention": Case(
        "fairseq-train {data} TRAIN --location-kernel 5",
        "fairseq-train: error: --location-kernel is for --attention location, but --attention is additive: leave it out",
    ),
    "even kernel": Case(
        "fairseq-train {data} TRAIN --attention location --location-kernel 4",
        "fairseq-train: error: --location-kernel must be odd and at least 1, but is 4",
        slow=True,
    ),
    "sharpening nan": Case(
        "fairseq-train {data} TRAIN --attention location --sharpening nan",
        "fairseq-train: error: --sharpening must be a number above 0, but is nan",
        slow=True,
    ),
    "previous state with dot": Case(
        "fairseq-train {data} TRAIN --attention dot --readout-state previous",
        "fairseq-train: error: --readout-state previous is for attention that looks back with the previous state, but --attention dot uses the new one: leave it out",
        slow=True,
    ),
    "paper's values with normed": Case(
        "fairseq-train {data} TRAIN --attention normed --init paper",
        "fairseq-train: error: --init paper starts v at 0, but --attention normed divides by its length: use --init glorot or --attention additive",
        slow=True,
    ),
    "one matrix, two sizes": Case(
        "fairseq-train {data} TRAIN --share-all-embeddings --encoder-embed-dim 8",
        "fairseq-train: error: --share-all-embeddings needs one embedding size, but --encoder-embed-dim is 8 and --decoder-embed-dim 32",
    ),
    "unequal sizes": Case(
        "fairseq-train {data} TRAIN --decoder-hidden-size 8",
        "fairseq-train: error: --decoder-init last needs encoder states of the decoder's size, but they have 64 units and the decoder 8: use --decoder-init tanh, or make the sizes equal (a bidirectional encoder has twice --encoder-hidden-size units)",
        slow=True,
    ),
    "fused, but not known": Case(
        "fairseq-train {data} TRAIN --attention ntm --recurrence fused",
        "fairseq-train: error: --recurrence fused does not know NTMAttention: use --recurrence auto",
        slow=True,
    ),
    "embeddings binary": Case(
        "fairseq-train {data} TRAIN --encoder-embed-path {bad}/binary",
        "fairseq-train: error: '{bad}/binary' is no text file of embeddings (lines of 'symbol v_1 .. v_E'): 'utf-8' codec can't decode byte 0x80 in position 128: invalid start byte",
    ),
    "embeddings empty": Case(
        "fairseq-train {data} TRAIN --encoder-embed-path {bad}/empty",
        "fairseq-train: error: '{bad}/empty' has a vector for none of the 4 symbols: it must be of words as in the data",
        slow=True,
    ),
    "embeddings text": Case(
        "fairseq-train {data} TRAIN --encoder-embed-path {bad}/text.en",
        "fairseq-train: error: '{bad}/text.en' is no text file of embeddings (lines of 'symbol v_1 .. v_E'): could not convert string to float: 'b'",
        slow=True,
    ),
    "beam": Case(
        "fairseq-train {data} TRAIN --eval-beam -1",
        "fairseq-train: error: --eval-beam must be at least 0, but is -1",
        slow=True,
    ),
    "online, several folders": Case(
        "fairseq-train {data}:{data} TRAIN --online",
        "fairseq-train: error: --online takes one dataset folder, but got 2: {data}, {data}",
        slow=True,
    ),
    "online, other language": Case(
        "fairseq-train {online} TRAIN --online --source-lang ko",
        "fairseq-train: error: --online makes data with --source-lang src, which cannot be 'ko'",
        slow=True,
    ),
    "everything is too long": Case(
        "fairseq-train {data} TRAIN --max-source-positions 1",
        "fairseq-train: error: all 300 samples are longer than (source, target) = (1, 2147483647): raise --max-source-positions or --max-target-positions",
    ),
    "loss that does not know the model": Case(
        "fairseq-train {data} TRAIN --arch lstm --criterion chunked_cross_entropy",
        "fairseq-train: error: --criterion chunked_cross_entropy does not know the output layer of LSTMModel: use --criterion cross_entropy or label_smoothed_cross_entropy",
    ),
    "optimizer in half precision": Case(
        "fairseq-train {data} TRAIN --cpu --memory-efficient-fp16 --optimizer fused_adamw",
        "fairseq-train: error: --memory-efficient-fp16 needs an optimizer that keeps its moments in float32, which --optimizer fused_adamw does not: use --optimizer adam",
    ),
    "half precision without a GPU": Case(
        "fairseq-train {data} TRAIN --cpu --fp16",
        "fairseq-train: error: --fp16 needs a GPU to train on: leave it out, or train with --memory-efficient-fp16",
    ),
    "no batch in an update": Case(
        "fairseq-train {data} TRAIN --update-freq 0",
        "fairseq-train: error: --update-freq must be at least 1, but is 0",
    ),
    "seed that epochs are added to": Case(
        "fairseq-train {data} TRAIN --seed 4294967295",
        "fairseq-train: error: --seed must be from 0 to 4000000000, but is 4294967295",
    ),
    "seed that fairseq hands to NumPy": Case(
        "fairseq-train {data} TRAIN --seed -1",
        "ValueError: Seed must be between 0 and 2**32 - 1",
        code=1,
        traceback=True,
        slow=True,
    ),
    "batches in multiples of 0": Case(
        "fairseq-train {data} TRAIN --required-batch-size-multiple 0",
        "fairseq-train: error: --required-batch-size-multiple must be from 1 to 2147483647, but is 0",
    ),
    "batches of negative length": Case(
        "fairseq-train {data} TRAIN --max-tokens -1",
        "fairseq-train: error: --max-tokens must be from 1 to 2147483647, but is -1",
        slow=True,
    ),
    "lengths in multiples of 0": Case(
        "fairseq-train {data} TRAIN --required-seq-len-multiple 0",
        "fairseq-train: error: --required-seq-len-multiple must be at least 1, but is 0",
        slow=True,
    ),
    "size beyond the memory": Case(
        "fairseq-train {data} TRAIN --encoder-hidden-size 2000000000",
        "fairseq-train: error: not enough memory for a tensor of [..] GB: choose smaller sizes, lengths or batches",
        code=1,
    ),
    "size beyond 64 bits": Case(
        "fairseq-train {data} TRAIN --attention-dim 99999999999999999999",
        "fairseq-train: error: --attention-dim must be at most 2147483647, but is 99999999999999999999",
        slow=True,
    ),
    "criterion without logits": Case(
        "fairseq-train {data} TRAIN --criterion nosuch",
        "fairseq-train: error: argument --criterion: invalid choice: 'nosuch' (choose from [..])",
        slow=True,
    ),
}


@table(OPTIONS)
def test_options(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)

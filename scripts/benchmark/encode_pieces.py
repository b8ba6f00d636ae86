"""Stands for spm_encode, which may not be installed: ``python -m scripts.benchmark.encode_pieces MODEL IN OUT``."""

import sys
from itertools import islice

import sentencepiece

LINES_AT_A_TIME = 8_192


def main(model: str, source: str, target: str) -> int:
    """Write the pieces of each line with spaces between them."""
    processor = sentencepiece.SentencePieceProcessor(model_file=model)
    with open(source, encoding="utf-8", newline="\n") as lines, open(target, "w", encoding="utf-8") as encoded:
        while batch := [line.rstrip("\n") for line in islice(lines, LINES_AT_A_TIME)]:
            encoded.writelines(f"{' '.join(pieces)}\n" for pieces in processor.encode(batch, out_type=str))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Stands for spm_encode, which may not be installed: ``python -m scripts.benchmark.encode_pieces MODEL IN OUT``."""

import sys

import sentencepiece


def main(model: str, source: str, target: str) -> int:
    """Write the pieces of each line with spaces between them."""
    processor = sentencepiece.SentencePieceProcessor(model_file=model)
    with open(source, encoding="utf-8", newline="\n") as lines, open(target, "w", encoding="utf-8") as encoded:
        for line in lines:
            print(" ".join(processor.encode(line.rstrip("\n"), out_type=str)), file=encoded)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

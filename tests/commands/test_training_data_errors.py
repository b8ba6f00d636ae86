"""fairseq-train with the task ``copy``: damaged files, folders that are none, dictionaries that do not fit."""

from pathlib import Path

from tests.support.case import Case, check, table
from tests.support.commands import Commands

DATA = {
    "no folder": Case(
        "fairseq-train {bad}/none TRAIN",
        "fairseq-train: error: no dataset folder at '{bad}/none': make one with 'python -m data_gen copy {bad}/none'",
        slow=True,
    ),
    "a file": Case(
        "fairseq-train {bad}/text.en TRAIN",
        "fairseq-train: error: no dataset folder at '{bad}/text.en': make one with 'python -m data_gen copy {bad}/text.en'",
        slow=True,
    ),
    "shards unnamed": Case(
        "fairseq-train {shards} TRAIN",
        "fairseq-train: error: '{shards}' holds 2 shards: name them, joined with ':', as in {shards}/shard0:{shards}/shard1",
    ),
    "index empty": Case(
        "fairseq-train {bad}/idx-empty TRAIN",
        "fairseq-train: error: '{bad}/idx-empty/train.src-tgt.src.idx' is no index of fairseq's (it begins with b''): copy the data here again, or make it again",
        slow=True,
    ),
    "index cut short": Case(
        "fairseq-train {bad}/idx-cut TRAIN",
        "fairseq-train: error: '{bad}/idx-cut/train.src-tgt.src.idx' has 3621 bytes, but its 300 sequences need 3626: it is damaged or cut short; copy the data here again, or make it again",
    ),
    "index of another kind": Case(
        "fairseq-train {bad}/idx-magic TRAIN",
        "fairseq-train: error: '{bad}/idx-magic/train.src-tgt.src.idx' is no index of fairseq's (it begins with b'GIF89a\\x00\\x00\\x00'): copy the data here again, or make it again",
    ),
    "index of another version": Case(
        "fairseq-train {bad}/idx-version TRAIN",
        "fairseq-train: error: '{bad}/idx-version/train.src-tgt.src.idx' has version 7 and id type 8, which fairseq does not know: copy the data here again, or make it again",
        slow=True,
    ),
    "index with unknown ids": Case(
        "fairseq-train {bad}/idx-type TRAIN",
        "fairseq-train: error: '{bad}/idx-type/train.src-tgt.src.idx' has version 1 and id type 255, which fairseq does not know: copy the data here again, or make it again",
        slow=True,
    ),
    "index with absurd number": Case(
        "fairseq-train {bad}/idx-absurd TRAIN",
        "fairseq-train: error: '{bad}/idx-absurd/train.src-tgt.src.idx' has 3626 bytes, but its 4611686018427387904 sequences need 55340232221128654874: it is damaged or cut short; copy the data here again, or make it again",
        slow=True,
    ),
    "index of nothing": Case(
        "fairseq-train {bad}/idx-none TRAIN",
        "fairseq-train: error: '{bad}/idx-none/train.src-tgt.src.idx' holds no sequence: make data with at least one",
        slow=True,
    ),
    "index with negative length": Case(
        "fairseq-train {bad}/idx-negative TRAIN",
        "fairseq-train: error: '{bad}/idx-negative/train.src-tgt.src.idx' gives sequence 0 -3 ids from byte 0 on, but 'train.src-tgt.src.bin' has 2422 bytes: they do not belong together, or one is damaged; copy the data here again, or make it again",
        slow=True,
    ),
    "index missing": Case(
        "fairseq-train {bad}/idx-missing TRAIN",
        "fairseq-train: error: '{bad}/idx-missing/train.src-tgt.src.idx' is missing, which belongs to '{bad}/idx-missing/train.src-tgt.src.bin': copy the data here again, or make it again",
        slow=True,
    ),
    "ids empty": Case(
        "fairseq-train {bad}/bin-empty TRAIN",
        "fairseq-train: error: '{bad}/bin-empty/train.src-tgt.src.idx' gives sequence 0 4 ids from byte 0 on, but 'train.src-tgt.src.bin' has 0 bytes: they do not belong together, or one is damaged; copy the data here again, or make it again",
        slow=True,
    ),
    "ids cut short": Case(
        "fairseq-train {bad}/bin-cut TRAIN",
        "fairseq-train: error: '{bad}/bin-cut/train.src-tgt.src.idx' gives sequence 299 5 ids from byte 2412 on, but 'train.src-tgt.src.bin' has 2419 bytes: they do not belong together, or one is damaged; copy the data here again, or make it again",
    ),
    "ids of other data": Case(
        "fairseq-train {bad}/bin-other TRAIN",
        "fairseq-train: error: '{bad}/bin-other/train.src-tgt.src.idx' gives sequence 299 5 ids from byte 2412 on, but 'train.src-tgt.src.bin' has 2418 bytes: they do not belong together, or one is damaged; copy the data here again, or make it again",
        slow=True,
    ),
    "ids missing": Case(
        "fairseq-train {bad}/bin-missing TRAIN",
        "fairseq-train: error: '{bad}/bin-missing/train.src-tgt.src.bin' is missing, which belongs to '{bad}/bin-missing/train.src-tgt.src.idx': copy the data here again, or make it again",
        slow=True,
    ),
    "id out of range": Case(
        "fairseq-train {bad}/id-outside TRAIN",
        "fairseq-train: error: '{bad}/id-outside/train.src-tgt.src.bin' holds the id 60000, but '{bad}/id-outside/dict.src.txt' gives 0 to 7: use the dictionary that it was made with, or make the data again",
    ),
    "fewer targets": Case(
        "fairseq-train {bad}/pairs-unequal TRAIN",
        "fairseq-train: error: number of sequences: '{bad}/pairs-unequal/train.src-tgt.src' has 300 and '{bad}/pairs-unequal/train.src-tgt.tgt' has 30: each must be the pair of the other; make the data again",
    ),
    "several pairs": Case(
        "fairseq-train {bad}/pairs-several TRAIN",
        "fairseq-train: error: '{bad}/pairs-several' holds 2 pairs of languages, src-tgt, src-de: choose one with --source-lang and --target-lang",
    ),
    "several pairs, source given": Case(
        "fairseq-train {bad}/pairs-several TRAIN --source-lang src",
        "fairseq-train: error: '{bad}/pairs-several' holds 2 pairs of languages, src-tgt, src-de: choose one with --source-lang and --target-lang",
        slow=True,
    ),
    "language of no pair": Case(
        "fairseq-train {data} TRAIN --source-lang ko",
        "fairseq-train: error: --source-lang ko: '{data}' holds src and tgt",
        slow=True,
    ),
    "dictionary empty": Case(
        "fairseq-train {bad}/dict-empty TRAIN",
        "fairseq-train: error: '{bad}/dict-empty/train.src-tgt.src.bin' holds the id 6, but '{bad}/dict-empty/dict.src.txt' gives 0 to 3: use the dictionary that it was made with, or make the data again",
        slow=True,
    ),
    "dictionary binary": Case(
        "fairseq-train {bad}/dict-binary TRAIN",
        "fairseq-train: error: '{bad}/dict-binary/dict.src.txt' is no fairseq dictionary (lines of 'symbol count'): Incorrect encoding detected in {bad}/dict-binary/dict.src.txt, please rebuild the dataset",
        slow=True,
    ),
    "dictionary with a symbol twice": Case(
        "fairseq-train {bad}/dict-twice TRAIN",
        "fairseq-train: error: '{bad}/dict-twice/dict.src.txt' is no fairseq dictionary (lines of 'symbol count'): Duplicate word found when loading Dictionary: 'b'. Duplicate words can overwrite earlier ones by adding the #fairseq:overwrite flag at the end of the corresponding row in the dictionary file. If using the Camembert model, please download an updated copy of the model file.",
    ),
    "dictionary without a symbol": Case(
        "fairseq-train {bad}/dict-short TRAIN",
        "fairseq-train: error: '{bad}/dict-short/[..].src-tgt.src.bin' holds the id 7, but '{bad}/dict-short/dict.src.txt' gives 0 to 6: use the dictionary that it was made with, or make the data again",
    ),
    "dictionary missing": Case(
        "fairseq-train {bad}/dict-missing TRAIN",
        "fairseq-train: error: no dictionary at '{bad}/dict-missing/dict.src.txt': is 'src' a language of this dataset?",
        slow=True,
    ),
    "folders of other data": Case(
        "fairseq-train {data}:{larger} TRAIN",
        "fairseq-train: error: '{larger}/dict.src.txt' (24 symbols) is not the dictionary of '{data}' (8 symbols): folders joined with ':' must be shards of one dataset",
        slow=True,
    ),
    "online without a manifest": Case(
        "fairseq-train {bad}/manifest-none TRAIN --online",
        "fairseq-train: error: '{bad}/manifest-none' holds no manifest.json: give one made by `python -m data_gen`",
        slow=True,
    ),
    "online, manifest binary": Case(
        "fairseq-train {bad}/manifest-binary TRAIN --online",
        "fairseq-train: error: '{bad}/manifest-binary/manifest.json' is not a valid manifest (Expecting value: line 1 column 1 (char 0)): make the dataset again",
        slow=True,
    ),
    "online, manifest cut short": Case(
        "fairseq-train {bad}/manifest-cut TRAIN --online",
        "fairseq-train: error: '{bad}/manifest-cut/manifest.json' is not a valid manifest (Unterminated string starting at: line 77 column 30 (char 2591)): make the dataset again",
    ),
    "online, negative number": Case(
        "fairseq-train {bad}/manifest-outside TRAIN --online",
        "fairseq-train: error: '{bad}/manifest-outside/manifest.json' is not a valid manifest (--train must be from 1 to 1000000000, but is -300): make the dataset again",
        slow=True,
    ),
    "no sequences, not online": Case(
        "fairseq-train {online} TRAIN",
        "fairseq-train: error: no split 'train' in '{online}', which holds no sequences at all: add --online to make them",
        slow=True,
    ),
}


@table(DATA)
def test_data(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)

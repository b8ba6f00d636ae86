"""fairseq-train with the task ``copy``: damaged files, folders that are none, dictionaries that do not fit."""

from pathlib import Path

from tests.support.case import Case, check, table
from tests.support.commands import Commands

DATA = {
    "fairseq-train {bad}/none TRAIN": "no dataset folder at '{bad}/none'[..]",
    "fairseq-train {bad}/idx-cut TRAIN": "'{bad}/idx-cut/train.src-tgt.src.idx' has 3621 bytes, but its 300 sequences need 3626: it is damaged or cut short; copy the data here again, or make it again",
    "fairseq-train {bad}/idx-magic TRAIN": "'{bad}/idx-magic/train.src-tgt.src.idx' is no index of fairseq's (it begins with b'GIF89a\\x00\\x00\\x00'): copy the data here again, or make it again",
    "fairseq-train {bad}/bin-cut TRAIN": "'{bad}/bin-cut/train.src-tgt.src.idx' gives sequence 299 5 ids from byte 2412 on, but 'train.src-tgt.src.bin' has 2419 bytes: they do not belong together, or one is damaged; copy the data here again, or make it again",
    "fairseq-train {bad}/id-outside TRAIN": "'{bad}/id-outside/train.src-tgt.src.bin' holds the id 60000, but '{bad}/id-outside/dict.src.txt' gives 0 to 7: use the dictionary that it was made with, or make the data again",
    "fairseq-train {bad}/pairs-unequal TRAIN": "number of sequences: '{bad}/pairs-unequal/train.src-tgt.src' has 300 and '{bad}/pairs-unequal/train.src-tgt.tgt' has 30: each must be the pair of the other; make the data again",
    "fairseq-train {bad}/pairs-several TRAIN": "'{bad}/pairs-several' holds 2 pairs of languages, src-tgt, src-de[..]",
    "fairseq-train {bad}/dict-twice TRAIN": "'{bad}/dict-twice/dict.src.txt' is no fairseq dictionary[..]",
    "fairseq-train {bad}/dict-short TRAIN": "'{bad}/dict-short/[..].src-tgt.src.bin' holds the id 7, but '{bad}/dict-short/dict.src.txt' gives 0 to 6: use the dictionary that it was made with, or make the data again",
    "fairseq-train {bad}/manifest-cut TRAIN --online": "'{bad}/manifest-cut/manifest.json' is not a valid manifest (Unterminated string starting at: line 77 column 30 (char 2591))[..]",
}
SLOW_DATA = {
    "fairseq-train {online} TRAIN": "no split 'train' in '{online}', which holds no sequences at all[..]",
    "fairseq-train {bad}/text.en TRAIN": "'{bad}/text.en' is a file[..]",
    "fairseq-train {bad}/idx-empty TRAIN": "'{bad}/idx-empty/train.src-tgt.src.idx' is no index of fairseq's (it begins with b''): copy the data here again, or make it again",
    "fairseq-train {bad}/idx-version TRAIN": "'{bad}/idx-version/train.src-tgt.src.idx' has version 7 and id type 8, which fairseq does not know: copy the data here again, or make it again",
    "fairseq-train {bad}/idx-type TRAIN": "'{bad}/idx-type/train.src-tgt.src.idx' has version 1 and id type 255, which fairseq does not know: copy the data here again, or make it again",
    "fairseq-train {bad}/idx-absurd TRAIN": "'{bad}/idx-absurd/train.src-tgt.src.idx' has 3626 bytes, but its 4611686018427387904 sequences need 55340232221128654874: it is damaged or cut short; copy the data here again, or make it again",
    "fairseq-train {bad}/idx-none TRAIN": "'{bad}/idx-none/train.src-tgt.src.idx' holds no sequence: make data with at least one",
    "fairseq-train {bad}/idx-negative TRAIN": "'{bad}/idx-negative/train.src-tgt.src.idx' gives sequence 0 -3 ids from byte 0 on, but 'train.src-tgt.src.bin' has 2422 bytes: they do not belong together, or one is damaged; copy the data here again, or make it again",
    "fairseq-train {bad}/idx-missing TRAIN": "'{bad}/idx-missing/train.src-tgt.src.idx' is missing, which belongs to '{bad}/idx-missing/train.src-tgt.src.bin': copy the data here again, or make it again",
    "fairseq-train {bad}/bin-empty TRAIN": "'{bad}/bin-empty/train.src-tgt.src.idx' gives sequence 0 4 ids from byte 0 on, but 'train.src-tgt.src.bin' has 0 bytes: they do not belong together, or one is damaged; copy the data here again, or make it again",
    "fairseq-train {bad}/bin-longer TRAIN": "'{bad}/bin-longer/train.src-tgt.src.bin' has 2424 bytes, but 'train.src-tgt.src.idx' needs 2422: they do not belong together, or one is damaged; copy the data here again, or make it again",
    "fairseq-train {bad}/bin-other TRAIN": "'{bad}/bin-other/train.src-tgt.src.idx' gives sequence 299 5 ids from byte 2412 on, but 'train.src-tgt.src.bin' has 2418 bytes: they do not belong together, or one is damaged; copy the data here again, or make it again",
    "fairseq-train {bad}/bin-missing TRAIN": "'{bad}/bin-missing/train.src-tgt.src.bin' is missing, which belongs to '{bad}/bin-missing/train.src-tgt.src.idx': copy the data here again, or make it again",
    "fairseq-train {bad}/dict-empty TRAIN": "'{bad}/dict-empty/train.src-tgt.src.bin' holds the id 6, but '{bad}/dict-empty/dict.src.txt' gives 0 to 3: use the dictionary that it was made with, or make the data again",
    "fairseq-train {bad}/dict-binary TRAIN": "'{bad}/dict-binary/dict.src.txt' is no fairseq dictionary[..]",
    "fairseq-train {bad}/dict-missing TRAIN": "no dictionary at '{bad}/dict-missing/dict.src.txt'[..]",
    "fairseq-train {bad}/manifest-binary TRAIN --online": "'{bad}/manifest-binary/manifest.json' is not a valid manifest (Expecting value: line 1 column 1 (char 0))[..]",
    "fairseq-train {bad}/manifest-outside TRAIN --online": "'{bad}/manifest-outside/manifest.json' is not a valid manifest (--train must be from 1 to 1000000000[..]",
}


@table(DATA, SLOW_DATA)
def test_data(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)

"""fairseq-train with the task ``copy``: damaged data, options that make no sense, checkpoints to go on from."""

from pathlib import Path

from tests.bad_input.case import EMPTY_SAVE_DIR, Case, check, table
from tests.commands import Commands

DATA = {
    "no folder": Case("fairseq-train {bad}/none TRAIN", "fairseq-train: error: no dataset folder at '{bad}/none': make one with 'python -m data_gen copy {bad}/none'", leaves=EMPTY_SAVE_DIR, slow=True),
    "a file": Case("fairseq-train {bad}/text.en TRAIN", "fairseq-train: error: no dataset folder at '{bad}/text.en': make one with 'python -m data_gen copy {bad}/text.en'", leaves=EMPTY_SAVE_DIR, slow=True),
    "shards unnamed": Case("fairseq-train {shards} TRAIN", "fairseq-train: error: '{shards}' holds 2 shards: name them, joined with ':', as in {shards}/shard0:{shards}/shard1", leaves=EMPTY_SAVE_DIR),
    "index empty": Case("fairseq-train {bad}/idx-empty TRAIN", "fairseq-train: error: '{bad}/idx-empty/train.src-tgt.src.idx' is no index of fairseq's (it begins with b''): copy the data here again, or make it again", leaves=EMPTY_SAVE_DIR, slow=True),
    "index cut short": Case("fairseq-train {bad}/idx-cut TRAIN", "fairseq-train: error: '{bad}/idx-cut/train.src-tgt.src.idx' has 3621 bytes, but its 300 sequences need 3626: it is damaged or cut short; copy the data here again, or make it again", leaves=EMPTY_SAVE_DIR),
    "index of another kind": Case("fairseq-train {bad}/idx-magic TRAIN", "fairseq-train: error: '{bad}/idx-magic/train.src-tgt.src.idx' is no index of fairseq's (it begins with b'GIF89a\\x00\\x00\\x00'): copy the data here again, or make it again", leaves=EMPTY_SAVE_DIR),
    "index of another version": Case("fairseq-train {bad}/idx-version TRAIN", "fairseq-train: error: '{bad}/idx-version/train.src-tgt.src.idx' has version 7 and id type 8, which fairseq does not know: copy the data here again, or make it again", leaves=EMPTY_SAVE_DIR, slow=True),
    "index with unknown ids": Case("fairseq-train {bad}/idx-type TRAIN", "fairseq-train: error: '{bad}/idx-type/train.src-tgt.src.idx' has version 1 and id type 255, which fairseq does not know: copy the data here again, or make it again", leaves=EMPTY_SAVE_DIR, slow=True),
    "index with absurd number": Case("fairseq-train {bad}/idx-absurd TRAIN", "fairseq-train: error: '{bad}/idx-absurd/train.src-tgt.src.idx' has 3626 bytes, but its 4611686018427387904 sequences need 55340232221128654874: it is damaged or cut short; copy the data here again, or make it again", leaves=EMPTY_SAVE_DIR, slow=True),
    "index of nothing": Case("fairseq-train {bad}/idx-none TRAIN", "fairseq-train: error: '{bad}/idx-none/train.src-tgt.src.idx' holds no sequence: make data with at least one", leaves=EMPTY_SAVE_DIR, slow=True),
    "index with negative length": Case("fairseq-train {bad}/idx-negative TRAIN", "fairseq-train: error: '{bad}/idx-negative/train.src-tgt.src.idx' gives sequence 0 -3 ids from byte 0 on, but 'train.src-tgt.src.bin' has 2422 bytes: they do not belong together, or one is damaged; copy the data here again, or make it again", leaves=EMPTY_SAVE_DIR, slow=True),
    "index missing": Case("fairseq-train {bad}/idx-missing TRAIN", "fairseq-train: error: '{bad}/idx-missing/train.src-tgt.src.idx' is missing, which belongs to '{bad}/idx-missing/train.src-tgt.src.bin': copy the data here again, or make it again", leaves=EMPTY_SAVE_DIR, slow=True),
    "ids empty": Case("fairseq-train {bad}/bin-empty TRAIN", "fairseq-train: error: '{bad}/bin-empty/train.src-tgt.src.idx' gives sequence 0 4 ids from byte 0 on, but 'train.src-tgt.src.bin' has 0 bytes: they do not belong together, or one is damaged; copy the data here again, or make it again", leaves=EMPTY_SAVE_DIR, slow=True),
    "ids cut short": Case("fairseq-train {bad}/bin-cut TRAIN", "fairseq-train: error: '{bad}/bin-cut/train.src-tgt.src.idx' gives sequence 299 5 ids from byte 2412 on, but 'train.src-tgt.src.bin' has 2419 bytes: they do not belong together, or one is damaged; copy the data here again, or make it again", leaves=EMPTY_SAVE_DIR),
    "ids of other data": Case("fairseq-train {bad}/bin-other TRAIN", "fairseq-train: error: '{bad}/bin-other/train.src-tgt.src.idx' gives sequence 299 5 ids from byte 2412 on, but 'train.src-tgt.src.bin' has 2418 bytes: they do not belong together, or one is damaged; copy the data here again, or make it again", leaves=EMPTY_SAVE_DIR, slow=True),
    "ids missing": Case("fairseq-train {bad}/bin-missing TRAIN", "fairseq-train: error: '{bad}/bin-missing/train.src-tgt.src.bin' is missing, which belongs to '{bad}/bin-missing/train.src-tgt.src.idx': copy the data here again, or make it again", leaves=EMPTY_SAVE_DIR, slow=True),
    "id out of range": Case("fairseq-train {bad}/id-outside TRAIN", "fairseq-train: error: '{bad}/id-outside/train.src-tgt.src.bin' holds the id 60000, but '{bad}/id-outside/dict.src.txt' gives 0 to 7: use the dictionary that it was made with, or make the data again", leaves=EMPTY_SAVE_DIR),
    "fewer targets": Case("fairseq-train {bad}/pairs-unequal TRAIN", "fairseq-train: error: number of sequences: '{bad}/pairs-unequal/train.src-tgt.src' has 300 and '{bad}/pairs-unequal/train.src-tgt.tgt' has 30: each must be the pair of the other; make the data again", leaves=EMPTY_SAVE_DIR),
    "several pairs": Case("fairseq-train {bad}/pairs-several TRAIN", "fairseq-train: error: '{bad}/pairs-several' holds 2 pairs of languages, src-tgt, src-de: choose one with --source-lang and --target-lang", leaves=EMPTY_SAVE_DIR),
    "several pairs, source given": Case("fairseq-train {bad}/pairs-several TRAIN --source-lang src", "fairseq-train: error: '{bad}/pairs-several' holds 2 pairs of languages, src-tgt, src-de: choose one with --source-lang and --target-lang", leaves=EMPTY_SAVE_DIR, slow=True),
    "language of no pair": Case("fairseq-train {data} TRAIN --source-lang ko", "fairseq-train: error: --source-lang ko: '{data}' holds src and tgt", leaves=EMPTY_SAVE_DIR, slow=True),
    "dictionary empty": Case("fairseq-train {bad}/dict-empty TRAIN", "fairseq-train: error: '{bad}/dict-empty/train.src-tgt.src.bin' holds the id 6, but '{bad}/dict-empty/dict.src.txt' gives 0 to 3: use the dictionary that it was made with, or make the data again", leaves=EMPTY_SAVE_DIR, slow=True),
    "dictionary binary": Case("fairseq-train {bad}/dict-binary TRAIN", "fairseq-train: error: '{bad}/dict-binary/dict.src.txt' is no fairseq dictionary (lines of 'symbol count'): Incorrect encoding detected in {bad}/dict-binary/dict.src.txt, please rebuild the dataset", leaves=EMPTY_SAVE_DIR, slow=True),
    "dictionary with a symbol twice": Case("fairseq-train {bad}/dict-twice TRAIN", "fairseq-train: error: '{bad}/dict-twice/dict.src.txt' is no fairseq dictionary (lines of 'symbol count'): Duplicate word found when loading Dictionary: 'b'. Duplicate words can overwrite earlier ones by adding the #fairseq:overwrite flag at the end of the corresponding row in the dictionary file. If using the Camembert model, please download an updated copy of the model file.", leaves=EMPTY_SAVE_DIR),
    "dictionary without a symbol": Case("fairseq-train {bad}/dict-short TRAIN", "fairseq-train: error: '{bad}/dict-short/train.src-tgt.src.bin' holds the id 7, but '{bad}/dict-short/dict.src.txt' gives 0 to 6: use the dictionary that it was made with, or make the data again", leaves=EMPTY_SAVE_DIR),
    "dictionary missing": Case("fairseq-train {bad}/dict-missing TRAIN", "fairseq-train: error: no dictionary at '{bad}/dict-missing/dict.src.txt': is 'src' a language of this dataset?", leaves=EMPTY_SAVE_DIR, slow=True),
    "folders of other data": Case("fairseq-train {data}:{larger} TRAIN", "fairseq-train: error: '{larger}/dict.src.txt' (24 symbols) is not the dictionary of '{data}' (8 symbols): folders joined with ':' must be shards of one dataset", leaves=EMPTY_SAVE_DIR, slow=True),
    "online without a manifest": Case("fairseq-train {bad}/manifest-none TRAIN --online", "fairseq-train: error: '{bad}/manifest-none' holds no manifest.json: give one made by `python -m data_gen`", leaves=EMPTY_SAVE_DIR, slow=True),
    "online, manifest binary": Case("fairseq-train {bad}/manifest-binary TRAIN --online", "fairseq-train: error: '{bad}/manifest-binary/manifest.json' is not a valid manifest (Expecting value: line 1 column 1 (char 0)): make the dataset again", leaves=EMPTY_SAVE_DIR, slow=True),
    "online, manifest cut short": Case("fairseq-train {bad}/manifest-cut TRAIN --online", "fairseq-train: error: '{bad}/manifest-cut/manifest.json' is not a valid manifest (Unterminated string starting at: line 77 column 30 (char 2591)): make the dataset again", leaves=EMPTY_SAVE_DIR),
    "online, negative number": Case("fairseq-train {bad}/manifest-outside TRAIN --online", "fairseq-train: error: '{bad}/manifest-outside/manifest.json' is not a valid manifest (--train must be from 1 to 1000000000, but is -300): make the dataset again", leaves=EMPTY_SAVE_DIR, slow=True),
    "no sequences, not online": Case("fairseq-train {online} TRAIN", "fairseq-train: error: no split 'train' in '{online}', which holds no sequences at all: add --online to make them", leaves=EMPTY_SAVE_DIR, slow=True),
}

OPTIONS = {
    "size 0": Case("fairseq-train {data} TRAIN --attention-dim 0", "fairseq-train: error: --attention-dim must be at least 1, but is 0", leaves=EMPTY_SAVE_DIR, slow=True),
    "negative size": Case("fairseq-train {data} TRAIN --encoder-hidden-size -8", "fairseq-train: error: --encoder-hidden-size must be at least 1, but is -8", leaves=EMPTY_SAVE_DIR),
    "no number": Case("fairseq-train {data} TRAIN --attention-dim many", "fairseq-train: error: argument --attention-dim: invalid int value: 'many'"),
    "dropout nan": Case("fairseq-train {data} TRAIN --dropout nan", "fairseq-train: error: --dropout must be at least 0 and below 1, but is nan", leaves=EMPTY_SAVE_DIR),
    "unknown attention": Case("fairseq-train {data} TRAIN --attention best", "fairseq-train: error: argument --attention: invalid choice: 'best' (choose from [..])"),
    "unknown architecture": Case("fairseq-train {data} TRAIN --arch nosuch", "fairseq-train: error: argument --arch/-a: invalid choice: 'nosuch' (choose from [..])", slow=True),
    "option of another attention": Case("fairseq-train {data} TRAIN --location-kernel 5", "fairseq-train: error: --location-kernel is for --attention location, but --attention is additive: leave it out", leaves=EMPTY_SAVE_DIR),
    "even kernel": Case("fairseq-train {data} TRAIN --attention location --location-kernel 4", "fairseq-train: error: --location-kernel must be odd and at least 1, but is 4", leaves=EMPTY_SAVE_DIR, slow=True),
    "sharpening nan": Case("fairseq-train {data} TRAIN --attention location --sharpening nan", "fairseq-train: error: --sharpening must be a number above 0, but is nan", leaves=EMPTY_SAVE_DIR, slow=True),
    "previous state with dot": Case("fairseq-train {data} TRAIN --attention dot --readout-state previous", "fairseq-train: error: --readout-state previous is for attention that looks back with the previous state, but --attention dot uses the new one: leave it out", leaves=EMPTY_SAVE_DIR, slow=True),
    "paper's values with normed": Case("fairseq-train {data} TRAIN --attention normed --init paper", "fairseq-train: error: --init paper starts v at 0, but --attention normed divides by its length: use --init glorot or --attention additive", leaves=EMPTY_SAVE_DIR, slow=True),
    "one matrix, two sizes": Case("fairseq-train {data} TRAIN --share-all-embeddings --encoder-embed-dim 8", "fairseq-train: error: --share-all-embeddings needs one embedding size, but --encoder-embed-dim is 8 and --decoder-embed-dim 32", leaves=EMPTY_SAVE_DIR),
    "unequal sizes": Case("fairseq-train {data} TRAIN --decoder-hidden-size 8", "fairseq-train: error: --decoder-init last needs encoder states of the decoder's size, but they have 64 units and the decoder 8: use --decoder-init tanh, or make the sizes equal (a bidirectional encoder has twice --encoder-hidden-size units)", leaves=EMPTY_SAVE_DIR, slow=True),
    "fused, but not known": Case("fairseq-train {data} TRAIN --attention ntm --recurrence fused", "fairseq-train: error: --recurrence fused does not know NTMAttention: use --recurrence auto", leaves=EMPTY_SAVE_DIR, slow=True),
    "embeddings binary": Case("fairseq-train {data} TRAIN --encoder-embed-path {bad}/binary", "fairseq-train: error: '{bad}/binary' is no text file of embeddings (first line 'count size', then 'symbol v_1 .. v_E'): 'utf-8' codec can't decode byte 0x80 in position 128: invalid start byte", leaves=EMPTY_SAVE_DIR),
    "embeddings empty": Case("fairseq-train {data} TRAIN --encoder-embed-path {bad}/empty", "fairseq-train: error: '{bad}/empty' is no text file of embeddings (first line 'count size', then 'symbol v_1 .. v_E'): ", leaves=EMPTY_SAVE_DIR, slow=True),
    "embeddings text": Case("fairseq-train {data} TRAIN --encoder-embed-path {bad}/text.en", "fairseq-train: error: '{bad}/text.en' is no text file of embeddings (first line 'count size', then 'symbol v_1 .. v_E'): could not convert string to float: 'c'", leaves=EMPTY_SAVE_DIR, slow=True),
    "beam": Case("fairseq-train {data} TRAIN --eval-beam -1", "fairseq-train: error: --eval-beam must be at least 0, but is -1", leaves=EMPTY_SAVE_DIR, slow=True),
    "online, several folders": Case("fairseq-train {data}:{data} TRAIN --online", "fairseq-train: error: --online takes one dataset folder, but got 2: {data}, {data}", leaves=EMPTY_SAVE_DIR, slow=True),
    "online, other language": Case("fairseq-train {online} TRAIN --online --source-lang ko", "fairseq-train: error: --online makes data with --source-lang src, which cannot be 'ko'", leaves=EMPTY_SAVE_DIR, slow=True),
    "criterion without logits": Case("fairseq-train {data} TRAIN --criterion nosuch", "fairseq-train: error: argument --criterion: invalid choice: 'nosuch' (choose from [..])", slow=True),
}

CHECKPOINTS = {
    "text": Case("fairseq-train {data} TRAIN --restore-file {bad}/text.pt", "fairseq-train: error: '{bad}/text.pt' is no checkpoint, or damaged (IndexError): name one that fairseq-train wrote, or go on from an earlier one", leaves=EMPTY_SAVE_DIR),
    "empty": Case("fairseq-train {data} TRAIN --restore-file {bad}/empty.pt", "fairseq-train: error: '{bad}/empty.pt' is no checkpoint, or damaged (EOFError): name one that fairseq-train wrote, or go on from an earlier one", leaves=EMPTY_SAVE_DIR, slow=True),
    "binary": Case("fairseq-train {data} TRAIN --restore-file {bad}/binary.pt", "fairseq-train: error: '{bad}/binary.pt' is no checkpoint, or damaged (UnpicklingError): name one that fairseq-train wrote, or go on from an earlier one", leaves=EMPTY_SAVE_DIR, slow=True),
    "cut short": Case("fairseq-train {data} TRAIN --restore-file {bad}/cut.pt", "fairseq-train: error: '{bad}/cut.pt' is no checkpoint, or damaged (RuntimeError): name one that fairseq-train wrote, or go on from an earlier one", leaves=EMPTY_SAVE_DIR, slow=True),
    "a list": Case("fairseq-train {data} TRAIN --restore-file {bad}/list.pt", "fairseq-train: error: '{bad}/list.pt' is no checkpoint, or damaged (TypeError): name one that fairseq-train wrote, or go on from an earlier one", leaves=EMPTY_SAVE_DIR, slow=True),
    "a dictionary": Case("fairseq-train {data} TRAIN --restore-file {bad}/dict.pt", "fairseq-train: error: '{bad}/dict.pt' is no checkpoint, or damaged (KeyError): name one that fairseq-train wrote, or go on from an earlier one", leaves=EMPTY_SAVE_DIR),
    "no options in it": Case("fairseq-train {data} TRAIN --restore-file {bad}/no-cfg.pt", "fairseq-train: error: '{bad}/no-cfg.pt' is no checkpoint of fairseq, it has no cfg or args: name one that fairseq-train wrote", leaves=EMPTY_SAVE_DIR, slow=True),
    "no model in it": Case("fairseq-train {data} TRAIN --restore-file {bad}/no-model.pt", "fairseq-train: error: '{bad}/no-model.pt' is no checkpoint of fairseq, it has no model or args: name one that fairseq-train wrote", leaves=EMPTY_SAVE_DIR, slow=True),
    "a parameter missing": Case("fairseq-train {data} TRAIN --restore-file {bad}/parameter.pt", "fairseq-train: error: '{bad}/parameter.pt' is a checkpoint of another model than GRUAttentionModel with these options (Missing key(s) in state_dict: \"decoder.output_projection.weight\"): use the --arch and the options that it was trained with", leaves=EMPTY_SAVE_DIR, slow=True),
    "a parameter of another size": Case("fairseq-train {data} TRAIN --restore-file {bad}/size.pt", "fairseq-train: error: '{bad}/size.pt' is a checkpoint of another model than GRUAttentionModel with these options (Unexpected key(s) in state_dict: \"decoder.attention.v\"): use the --arch and the options that it was trained with", leaves=EMPTY_SAVE_DIR, slow=True),
    "a weight NaN": Case("fairseq-train {data} TRAIN --restore-file {bad}/nan.pt", "fairseq-train: error: parameter decoder.output_projection.weight of the checkpoint is NaN or infinite, its training has diverged: go on from an earlier one, with a lower --lr or --clip-norm", leaves=EMPTY_SAVE_DIR),
    "a weight infinite": Case("fairseq-train {data} TRAIN --finetune-from-model {bad}/inf.pt", "fairseq-train: error: parameter decoder.output_projection.weight of the checkpoint is NaN or infinite, its training has diverged: go on from an earlier one, with a lower --lr or --clip-norm", leaves=EMPTY_SAVE_DIR, slow=True),
    "of an LSTM": Case("fairseq-train {data} TRAIN --restore-file {lstm}", "fairseq-train: error: '{lstm}' is a checkpoint of another model than GRUAttentionModel with these options (Missing key(s) in state_dict: \"encoder.gru.weight_ih_l0\"): use the --arch and the options that it was trained with", leaves=EMPTY_SAVE_DIR),
    "of an LSTM, to start from": Case("fairseq-train {data} TRAIN --finetune-from-model {lstm}", "fairseq-train: error: '{lstm}' is a checkpoint of another model than GRUAttentionModel with these options (Missing key(s) in state_dict: \"encoder.gru.weight_ih_l0\"): use the --arch and the options that it was trained with", leaves=EMPTY_SAVE_DIR, slow=True),
    "into an LSTM": Case("fairseq-train {data} TRAIN --arch lstm --restore-file {good}", "fairseq-train: error: '{good}' is a checkpoint of another model than LSTMModel with these options (Missing key(s) in state_dict: \"encoder.lstm.weight_ih_l0\"): use the --arch and the options that it was trained with", leaves=EMPTY_SAVE_DIR, slow=True),
    "of other data": Case("fairseq-train {larger} TRAIN --restore-file {good}", "fairseq-train: error: the checkpoint knows 8 source symbols, but the dictionary has 24: use the data folder (dict.*.txt) that the checkpoint was trained with", leaves=EMPTY_SAVE_DIR),
    "of other symbols": Case("fairseq-train {bad}/dict-turned TRAIN --finetune-from-model {good}", "fairseq-train: error: the source dictionary has other symbols than the one that the checkpoint was trained with: use the data folder (dict.*.txt) that it was trained with", leaves=EMPTY_SAVE_DIR, slow=True),
    "of another optimizer": Case("fairseq-train {data} TRAIN --optimizer sgd --restore-file {good}", "fairseq-train: error: Optimizer does not match; please reset the optimizer (--reset-optimizer). FairseqAdam vs SGD", leaves=EMPTY_SAVE_DIR),
    "to start from, missing": Case("fairseq-train {data} TRAIN --finetune-from-model {bad}/none.pt", "fairseq-train: error: no checkpoint at '{bad}/none.pt' (--finetune-from-model): name one that fairseq-train wrote", leaves=EMPTY_SAVE_DIR, slow=True),
    "two to start from": Case(
        "fairseq-train {data} TRAIN --finetune-from-model {good} --restore-file {good}", "fairseq-train: error: --finetune-from-model {good} and --restore-file {good}: a training starts from one of them, leave the other out", leaves=EMPTY_SAVE_DIR
    ),
    "start and reset": Case("fairseq-train {data} TRAIN --finetune-from-model {good} --reset-optimizer", "fairseq-train: error: --finetune-from-model {good} resets all but the model by itself: leave out --reset-optimizer", leaves=EMPTY_SAVE_DIR),
}


@table(DATA)
def test_data(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@table(OPTIONS)
def test_options(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


@table(CHECKPOINTS)
def test_checkpoints(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)

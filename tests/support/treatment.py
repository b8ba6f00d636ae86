"""How the commands of the pages are executed: as they stand, with a change, or for a reason not at all."""

TRAINING = "--criterion cross_entropy --optimizer adam --lr 0.01 --batch-size 32 --max-update 2 --num-workers 0"
FEW = "--train 200 --valid 40 --test 40"
SHORT = "--max-len-b 10"  # a model that has learned nothing writes to the last token
SMALL = "model.encoder_hidden_size=20 model.decoder_hidden_size=20 model.attention_dim=20 optimization.max_epoch=1"

# What is executed begins like this.
RUN = (
    *("export ", "source ", "scripts/quickstart.sh", "fairseq-", "python -c", "parallel python -m data_gen"),
    "python -m fairseq_plugin --info",
    *("python -m data_gen", "python scripts/extract_attention.py", "python scripts/plot_attention.py"),
    *("python scripts/view_attention.py", "python scripts/attention_stats.py"),
    "scripts/train_distributed.sh",
)

# Beginning of a command -> why it is not executed. Its words are checked all the same, by tests/system/test_docs.py.
NOT_RUN = {
    "scripts/test.sh": "runs these tests",
    "pytest ": "runs other tests",
    "ruff ": "a step of scripts/test.sh",
    "scripts/compat.sh": "hours; tests/system/test_compat.py looks at it",
    "pip wheel": "from the network; tests/system/test_installed.py builds the wheel",
    "pip install": "from the network; tests/system/test_installed.py installs the wheel",
    "pre-commit": "from the network",
    "python -m fairseq_plugin --build": "compiles; tests/unit/modules/test_native.py does it in a folder of its own",
    "meeting=": "needs Slurm",
    "srun ": "needs Slurm",
    "OMP_NUM_THREADS=1 python scripts/results_table.py": "minutes; tests/system/test_results_table.py runs a small one",
    "scripts/gpu_check.sh": "minutes; tests/system/test_gpu_check.py runs a small one",
    "python -m scripts.length_study": "hours; tests/system/test_length_study.py runs a small one",
    "python -m scripts.kill_and_resume": "minutes; tests/system/test_kill_and_resume.py runs a small one",
    "python -m scripts.benchmark": "half an hour; tests/system/benchmark/test_command_line.py runs a small one",
    "python -m scripts.translation_study": "hours; tests/system/test_translation_study.py runs a small one",
}

STUDY = {  # the trainings of the translation study
    "--warmup-updates 80 --total-num-update 1600": "--warmup-updates 1 --total-num-update 2",
    "--max-update 1600": "--max-update 2",
    "--max-tokens 2000": "--max-tokens 200",
}
# Page -> part of its commands -> what is executed in its place.
CHANGED = {
    "README.md": {"copy /tmp/copy/data": f"copy /tmp/copy/data {FEW}", "--max-epoch 15": "--max-epoch 2"},
    "data.md": {
        "copy /tmp/copy/data": f"copy /tmp/copy/data {FEW}",
        "--train 20000": FEW,
        "--train 100000000 --shards 16": "--train 131072 --shards 2",  # a shard holds whole blocks of 65,536
        "parallel python": "for shard in 1; do python",  # parallel may be missing; the line above made shard 0
        "{} ::: {0..15}": '"$shard"; done',
        "%d:' {0..15}": "%d:' {0..1}",
        "--task copy ...": f"--task copy --arch gru_attention_copy {TRAINING} --save-dir shards",
        "--vocab-size 8000": "--vocab-size 41",
        "--max-epoch 2 ": "--max-epoch 1 ",
        "--max-epoch 20": "--max-epoch 1",
        "--arch gru_attention ...": f"--arch gru_attention {TRAINING} --save-dir text",
        "--path MODEL": f"--path text/checkpoint_last.pt {SHORT}",
        "fairseq-interactive": "echo the cat | fairseq-interactive",
    },
    "installing.md": {"--arch gru_attention_copy ...": f"--arch gru_attention_copy {TRAINING}"},
    "pictures.md": {
        "copy /tmp/pictures/data": "copy /tmp/pictures/data --train 200 --valid 40 --test 12",
        "('train', 2000), ('valid', 200), ('test', 200)": "('train', 200), ('valid', 40), ('test', 40)",
        "--max-epoch 15": "--max-epoch 2",
        "checkpoint15.pt": "checkpoint2.pt",
    },
    "rnnsearch.md": {
        "--arch rnnsearch ": "--arch rnnsearch_small ",
        "--max-epoch 5": "--max-epoch 1",
        "--max-epoch 20": "--max-epoch 1",
        "/absolute/path/to/data": '"$PWD/DATA"',
        "--beam 12": f"--beam 12 {SHORT}",
        "task.target_lang=fr": f"task.target_lang=fr {SMALL}",
        "copy /tmp/copy/data": f"copy /tmp/copy/data {FEW}",
    },
    "training.md": {
        "task.data=/tmp/copy/data": "task.data=/tmp/copy/data optimization.max_epoch=2",
        "copy /tmp/copy/linked": f"copy /tmp/copy/linked {FEW}",
        "--max-epoch 15": "--max-epoch 2",
        "--max-epoch 5": "--max-epoch 2",
    },
    "performance.md": STUDY,
    "translation.md": {
        **STUDY,
        "--max-epoch 10": "--max-epoch 1",
        "--path /tmp/translation/checkpoints/checkpoint_best.pt": (
            f"--path /tmp/translation/checkpoints/checkpoint_best.pt {SHORT}"
        ),
    },
}

# What a page takes to be there: real text, and a folder DATA.
TEXT = (
    'python -c "from pathlib import Path; from scripts.translation.corpus import write_toy_corpus; '
    "write_toy_corpus(Path('corpus'))\""
)
BINARIZED = (
    "python -m data_gen text DATA --source-lang {source} --target-lang {target} --vocab-size 80 --joined "
    "--trainpref corpus/train --validpref corpus/valid --testpref corpus/test"
)
BEFORE = {
    "data.md": [TEXT, "export SLURM_ARRAY_TASK_ID=0"],
    "installing.md": [f"python -m data_gen copy DATA {FEW}"],
    "rnnsearch.md": [
        TEXT,
        "for part in train valid test; do mv corpus/$part.ko corpus/$part.fr; done",
        BINARIZED.format(source="en", target="fr"),
    ],
    **dict.fromkeys(("performance.md", "translation.md"), (TEXT, BINARIZED.format(source="ko", target="en"))),
}
PROGRAMS = ("attention-files.md", "training.md")  # their Python is executed last; for internals.md see test_readme.py
AFTER_README = ("attention-files.md", "training.md")  # they go on with what the README's commands made


def reason_not_to_run(command: str) -> str | None:
    """Why a command is not executed, None if it is."""
    return next((why for start, why in NOT_RUN.items() if command.startswith(start)), None)


def executed(page: str, command: str) -> str:
    """A command of a page as it is executed."""
    for part, replacement in CHANGED.get(page, {}).items():
        command = command.replace(part, replacement)
    return command

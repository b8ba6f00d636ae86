"""Makes a whole dataset in one folder: sampled once to count symbols and overlaps, and then written."""

from pathlib import Path
from typing import Final

from data_gen.copy.manifest import CopyManifest
from data_gen.copy.part import write_part
from data_gen.copy.shard import Shard
from data_gen.copy.spec import CopySpec
from data_gen.copy.survey import take_survey
from data_gen.folder import new_folder
from data_gen.progress import Progress

PASSES: Final = 2
"""How often each sequence is reported to ``progress``."""


def make_copy_dataset(
    spec: CopySpec,
    destination: str | Path,
    *,
    overwrite: bool = False,
    text: bool = False,
    progress: Progress = lambda sequences: None,
) -> CopyManifest:
    """Write the dataset that ``spec`` describes, as fairseq-preprocess would binarize it.

    ``destination`` appears when it is complete; after an error or Ctrl-C everything is as it was.

    :param overwrite: replace a dataset of ours that is already there.
    :param text: also write the sequences as lines of text, ``train.src``, ``train.tgt``, ...
    :param progress: called as the work goes on; its arguments add up to ``PASSES * spec.all_sequences``.
    :returns: what ``manifest.json`` in the folder says.
    :raises UserError: if ``destination`` is in use or cannot be written.
    """
    with new_folder(Path(destination), overwrite=overwrite) as folder:
        survey = take_survey(spec, [Shard()], overlaps=True, progress=progress)
        return write_part(folder, survey, Shard(), text=text, progress=progress)

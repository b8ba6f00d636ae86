"""Accuracy against length: train chosen models on a copy dataset, several seeds, and test each length by itself.

    python -m scripts.length_study scripts/lengths/summary.yaml --folder FOLDER

FOLDER gets results.json, table.md and figure.png, beside data, models and logs. The same command goes on where it
stopped.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_gen.errors import run_command
from data_gen.folder import exit_on_sigterm
from data_gen.parallel import available_cores
from fairseq_plugin.analysis.files import whole_file
from scripts.lengths import figure, results
from scripts.lengths.config import read_study
from scripts.lengths.jobs import make_data, run_jobs
from scripts.marked_section import read_text, replace_section, update_file
from scripts.study_folder import study_folder, write

NAME = "length_study"
SECTION = "length"
SMOKE = Path(__file__).resolve().parent / "lengths" / "smoke.yaml"


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog=NAME, description="Accuracy against length, over models and seeds.")
    source = options.add_mutually_exclusive_group(required=True)
    source.add_argument("config", nargs="?", type=Path, help="YAML file with data, models, seeds and lengths")
    source.add_argument("--smoke", action="store_true", help="tiny models, to try the study out")
    options.add_argument("--folder", type=Path, required=True, help="for results; goes on from what is there")
    options.add_argument(
        "--update", type=Path, metavar="FILE", help=f"write between the {SECTION} markers of this file"
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if a command fails or a file cannot be written."""
    options = parser().parse_args(argv)
    return run_command(NAME, lambda: run_study(options))


def run_study(options: argparse.Namespace) -> int:
    """Do what the options of :func:`parser` say."""
    study = read_study(SMOKE if options.smoke else options.config)
    if options.update:
        replace_section(read_text(options.update), SECTION, "")  # better to fail before the trainings
    folder = study_folder(options.folder, asdict(study))
    make_data(study, folder)
    with exit_on_sigterm():  # so that no training is left running
        jobs = run_jobs(study, folder, available_cores())
    table = results.markdown(study, jobs)
    write(folder / "results.json", json.dumps(results.as_json(study, jobs), indent=1) + "\n")
    write(folder / "table.md", table)
    drawing = figure.draw(study, {measure: results.curves(study, jobs, measure) for measure in results.MEASURES})
    pictures = [folder / "figure.png"]
    if options.update:
        images = options.update.parent / "images"
        images.mkdir(exist_ok=True)
        pictures.append(images / f"{SECTION}.png")
    for picture in pictures:
        with whole_file(picture) as stream:
            drawing.savefig(stream, format="png", dpi=150)
    if options.update:
        update_file(options.update, SECTION, f"![Accuracy against length](images/{SECTION}.png)\n\n{table}")
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

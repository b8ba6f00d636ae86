"""Accuracy against length: train chosen models on a copy dataset, several seeds, and test each length by itself.

    python -m scripts.length_study scripts/lengths/summary.yaml --folder FOLDER

FOLDER gets results.json, table.md and figure.png, beside data, models and logs. The same command goes on where it
stopped. ``--update docs/length.md`` writes them into a document as well, between the markers named ``summary``.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import scripts  # noqa: F401 - before imports that take seconds

from data_gen.errors import ArgumentParser, run_command
from data_gen.files import whole_file
from data_gen.parallel import available_cores
from scripts.common import check_section, study_folder, update_file, write
from scripts.lengths import results
from scripts.lengths.study import make_data, read_study, run_jobs

NAME = "length_study"
SMOKE = Path(__file__).resolve().parent / "lengths" / "smoke.yaml"


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = ArgumentParser(
        prog=f"python -m scripts.{NAME}", description="Measure accuracy against length, over models and seeds."
    )
    source = options.add_mutually_exclusive_group(required=True)
    source.add_argument("config", nargs="?", type=Path, help="YAML file with data, models, seeds and lengths")
    source.add_argument("--smoke", action="store_true", help="tiny models, to try the study out")
    options.add_argument(
        "--folder", type=Path, required=True, help="folder for results; a study that was stopped continues there"
    )
    options.add_argument(
        "--update",
        type=Path,
        metavar="FILE",
        help="write the results into this page, between the markers with the name of CONFIG",
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if a command fails or a file cannot be written."""
    return run_command(NAME, lambda: run_study(parser().parse_args(argv)))


def run_study(options: argparse.Namespace) -> int:
    """Do what the options of :func:`parser` say."""
    config = SMOKE if options.smoke else options.config
    study, name = read_study(config), config.stem
    check_section(options.update, name)  # better to fail before the trainings
    folder = study_folder(options.folder, asdict(study))
    make_data(study, folder)
    jobs = run_jobs(study, folder, available_cores())
    table, figures = results.markdown(study, jobs), json.dumps(results.as_json(study, jobs), indent=1) + "\n"
    drawing = results.draw(study, jobs)
    write_results(folder, figures, drawing, {"results": "results.json", "picture": "figure.png"})
    write(folder / "table.md", table)
    if options.update:
        names = {"results": f"length-{name}.json", "picture": f"images/length-{name}.png"}
        write_results(options.update.parent, figures, drawing, names)
        links = f"![Accuracy against length]({names['picture']})\n\nOf each training: [{names['results']}]"
        update_file(options.update, name, f"{links}({names['results']}). {table}")
    print(table)
    return 0


def write_results(folder: Path, figures: str, drawing: Any, names: dict[str, str]) -> None:
    """Figures and picture, under these names in the folder."""
    (folder / names["picture"]).parent.mkdir(exist_ok=True)
    write(folder / names["results"], figures)
    with whole_file(folder / names["picture"]) as stream:
        drawing.savefig(stream, format="png", dpi=120)


if __name__ == "__main__":
    sys.exit(main())

"""The sentences of a corpus: files such as ``train.ko`` and ``train.en``, one sentence a line.

:func:`sentences` makes up a corpus to try the study out: five hundred simple English sentences and their Korean, word
for word.

the cat eats the fish in the house  <->  고양이가 집에서 생선을 먹는다
"""

from itertools import product
from pathlib import Path

from data_gen.errors import UserError, failure_from_os_error
from scripts.translation.recipe import PARTS, SOURCE, TARGET

Corpus = dict[str, dict[str, list[str]]]
"""Part -> language -> sentences; the same line of both languages is a pair."""


def read_corpus(folder: Path) -> Corpus:
    """All parts in both languages.

    :raises UserError: a file is missing or is not text, or a part has more lines in one language.
    """
    corpus = {
        part: {language: read_sentences(folder / f"{part}.{language}") for language in (SOURCE, TARGET)}
        for part in PARTS
    }
    for part, sides in corpus.items():
        source, target = (len(sentences) for sentences in sides.values())
        if source != target:
            raise UserError(
                f"'{folder / part}.{SOURCE}' has {source} lines, but .{TARGET} has {target}: make them the same"
            )
    return corpus


def read_sentences(path: Path) -> list[str]:
    r"""Lines of a file. As for data_gen, a line ends at ``\n`` and nowhere else, and one ``\r`` before it is no part.

    :raises UserError: there is no such file of UTF-8 text.
    """
    try:
        lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
        return [line.removesuffix(b"\r").decode() for line in lines]
    except OSError as error:
        raise failure_from_os_error("read", error) from None
    except UnicodeDecodeError:
        raise UserError(f"cannot read {str(path)!r}: it is not UTF-8 text") from None


def sources_seen(corpus: Corpus) -> int:
    """How many test sources stand in the training part as well, letter for letter."""
    trained = set(corpus["train"][SOURCE])
    return sum(sentence in trained for sentence in corpus["test"][SOURCE])


# English with its Korean subject, place, object and verb: Korean puts the verb last.
SUBJECTS = {
    "the cat": "고양이가",
    "the child": "아이가",
    "my friend": "친구가",
    "the teacher": "선생님이",
    "a bird": "새가",
}
PLACES = {"in the house": "집에서", "at school": "학교에서", "on the road": "길에서", "by the sea": "바다에서"}
OBJECTS = {"the fish": "생선을", "a book": "책을", "the apple": "사과를", "a letter": "편지를", "the flower": "꽃을"}
VERBS = {"eats": "먹는다", "sees": "본다", "finds": "찾는다", "loves": "사랑한다", "paints": "그린다"}
EVERY = 11  # one sentence in 11 is for validation and one for testing; 11 divides no number of words


def sentences() -> dict[str, list[tuple[str, str]]]:
    """Part -> pairs of English and Korean, no pair twice."""
    parts: dict[str, list[tuple[str, str]]] = {part: [] for part in PARTS}
    for number, (subject, verb, thing, place) in enumerate(product(SUBJECTS, VERBS, OBJECTS, PLACES)):
        korean = f"{SUBJECTS[subject]} {PLACES[place]} {OBJECTS[thing]} {VERBS[verb]}"
        part = {0: "valid", 1: "test"}.get(number % EVERY, "train")
        parts[part].append((f"{subject} {verb} {thing} {place}", korean))
    return parts


def write_toy_corpus(folder: Path) -> Path:
    """Write ``train.en``, ``train.ko`` and so on into a folder, which is made. :returns: the folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part, pairs in sentences().items():
            for column, language in enumerate(("en", "ko")):
                text = "".join(f"{pair[column]}\n" for pair in pairs)
                (folder / f"{part}.{language}").write_text(text, encoding="utf-8")
    except OSError as error:
        raise failure_from_os_error("write the corpus", error) from None
    return folder

"""The messages of the product's errors and the texts of its tests, both read off the code."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PRODUCT = ("data_gen", "fairseq_plugin", "scripts")
ERRORS = ("UserError", "ArgumentTypeError")
HOLE = "\0"
CUT = "[..]"  # a text that ends with it is a key: tests/support/case.py
AROUND = " -.,:;()`'\""
OWN_LETTERS = 12


class Text(NamedTuple):
    """A text with a :data:`HOLE` for each value that is filled in, and where it stands."""

    file: str
    line: int
    text: str

    @property
    def parts(self) -> tuple[str, ...]:
        """What is between the holes, without marks around it."""
        found = (" ".join(part.split()).strip(AROUND) for part in self.text.split(HOLE))
        return tuple(part for part in found if part)


class Found(NamedTuple):
    """A message: the places in the product that say it, and the texts that have all of it, by test file."""

    said: list[Text]
    asserted: dict[str, list[Text]]


class Names:
    """What the names of a module or a function stand for, where they get a value once."""

    def __init__(self, tree: ast.AST, outer: "Names | None" = None, root: Path = Path()) -> None:
        self.outer, self.root = outer, root
        named = (each for each in own(tree) if isinstance(each, ast.Name))
        stored = Counter(each.id for each in named if isinstance(each.ctx, ast.Store))
        if isinstance(tree, ast.FunctionDef):
            stored.update(each.arg for each in ast.walk(tree.args) if isinstance(each, ast.arg))
        self.values: dict[str, ast.expr | None] = dict.fromkeys(stored)
        self.imported: dict[str, tuple[str, str]] = {}
        for node in own(tree):
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name) and stored[target.id] == 1:
                self.values[target.id] = node.value
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PRODUCT):
                self.imported |= {each.asname or each.name: (node.module or "", each.name) for each in node.names}

    def text(self, node: ast.expr | None) -> str:
        """An expression as a text with holes."""
        if isinstance(node, ast.Constant):
            return str(node.value)
        if isinstance(node, ast.JoinedStr):
            return "".join(map(self.text, node.values))
        if isinstance(node, ast.FormattedValue) and node.conversion == -1 and node.format_spec is None:
            return self.text(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            both = self.text(node.left), self.text(node.right)
            return HOLE if any(text.isdigit() for text in both) else "".join(both)
        if isinstance(node, ast.Name):
            return self.value(node.id)
        return HOLE

    def value(self, name: str) -> str:
        if name in self.values:
            node, self.values[name] = self.values[name], None  # a name made of itself has an end
            text = self.text(node)
            self.values[name] = node
            return text
        if name in self.imported:
            module, theirs = self.imported[name]
            names = names_of(self.root / f"{module.replace('.', '/')}.py", self.root)
            return names.value(theirs) if names else HOLE
        return self.outer.value(name) if self.outer else HOLE


@cache
def names_of(path: Path, root: Path) -> Names | None:
    return Names(ast.parse(path.read_bytes()), root=root) if path.exists() else None


@cache
def own(tree: ast.AST) -> list[ast.AST]:
    """The nodes of a module or a function; of functions in it the heads alone."""
    found = []
    for child in ast.iter_child_nodes(tree):
        found.append(child)
        if not isinstance(child, ast.FunctionDef):
            found.extend(own(child))
    return found


def scopes(tree: ast.AST, names: Names) -> Iterator[tuple[ast.AST, Names]]:
    """A module and the functions in it, each with what its names stand for."""
    yield tree, names
    for node in own(tree):
        if isinstance(node, ast.FunctionDef):
            yield from scopes(node, Names(node, names, names.root))


def calls(scope: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in own(scope):
        if isinstance(node, ast.Call) and node.args:
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""), node


def messages(root: Path) -> Iterator[Text]:
    """Every message.

    A function that makes an error of its arguments, as ``failure_from_os_error("read", error)`` does, says a message
    more for each call with a word.
    """
    files = {path: ast.parse(path.read_bytes()) for name in PRODUCT for path in sorted((root / name).rglob("*.py"))}
    known = [(path, *each) for path, tree in files.items() for each in scopes(tree, Names(tree, root=root))]
    makers = {
        scope.name: (scope.args.args, errors[0].args[0])
        for _, scope, _ in known
        if isinstance(scope, ast.FunctionDef) and scope.returns and ast.unparse(scope.returns) in ERRORS
        if len(errors := [call for name, call in calls(scope) if name in ERRORS]) == 1
    }
    for path, scope, names in known:
        for name, call in calls(scope):
            file = path.relative_to(root).as_posix()
            if name in ERRORS:
                yield Text(file, call.lineno, names.text(call.args[0]))
            elif name in makers and any(isinstance(argument, ast.Constant) for argument in call.args):
                parameters, message = makers[name]
                given = Names(ast.Module([], []), names)
                given.values = {each.arg: value for each, value in zip(parameters, call.args, strict=False)}
                yield Text(file, call.lineno, given.text(message))


def texts(root: Path) -> Iterator[Text]:
    """Every text of the tests but docstrings and keys."""
    kinds = ast.Constant | ast.JoinedStr | ast.BinOp
    for path in sorted((root / "tests").rglob("*.py")):
        tree = ast.parse(path.read_bytes())
        for scope, names in scopes(tree, Names(tree, root=root)):
            outer = [node for node in own(scope) if isinstance(node, ast.JoinedStr | ast.BinOp | ast.Expr)]
            inner = {id(child) for node in outer for child in ast.iter_child_nodes(node)}
            for node in own(scope):
                if isinstance(node, kinds) and id(node) not in inner and not (text := names.text(node)).endswith(CUT):
                    text = re.sub(r"\\(\W)", r"\1", text.replace("{{", "{").replace("}}", "}"))
                    if len(text) >= OWN_LETTERS:
                        yield Text(path.relative_to(root).as_posix(), node.lineno, " ".join(text.split()))


def census(root: Path) -> list[Found]:
    """Who asserts which message.

    A text asserts a message if it has all parts, in this order. Where a text has several messages whose parts overlap,
    it asserts the one with the most: ``--threads must be at least 1``, but not ``{option} must be at least 1``. A
    message with fewer than :data:`OWN_LETTERS` of its own passes another one on; nobody has to assert it.
    """
    found: dict[tuple[str, ...], Found] = {}
    for message in messages(root):
        if sum(map(str.isalpha, "".join(message.parts))) >= OWN_LETTERS:
            found.setdefault(message.parts, Found([], defaultdict(list))).said.append(message)
    patterns = {parts: re.compile(".*?".join(f"({re.escape(part)})" for part in parts)) for parts in found}
    longest = {parts: max(parts, key=len) for parts in found}
    for text in texts(root):
        fits = {}
        for parts, pattern in patterns.items():
            if longest[parts] in text.text and (match := pattern.search(text.text)):
                fits[parts] = {place for group in range(len(parts)) for place in range(*match.span(group + 1))}
        for parts, places in fits.items():
            if not any(places < others for others in fits.values()):
                found[parts].asserted[text.file].append(text)
    return list(found.values())

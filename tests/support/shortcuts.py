"""What comes to the same each time that fairseq runs, and takes a good part of the time of small trainings.

hydra: each command hands it some three hundred values, most of them defaults. It parses all, and merges the same groups
(task, model, criterion and so on) anew. It also reads the source line of each function that has called it. With
:func:`take`, it parses a value once, begins with the groups that were made before, sets what is no default, and reads
no lines. What it makes is the same (tests/unit/test_shortcuts.py).

omegaconf: fairseq makes a configuration of those values for each command, and asks it fifty times in an update, and
more in decoding. omegaconf then looks at the value from many sides. With :func:`take`, a number, a plain word or a
group is taken in and handed out at once.

torch: while no GPU is in use, each ``manual_seed`` notes three times where it was called from, for a message that does
not come. fairseq sets the seed in each update.
"""

import copy
import inspect
from collections.abc import Callable
from types import NoneType, SimpleNamespace
from typing import Any

import torch
from hydra._internal import utils as hydra_utils
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import AnyNode, DictConfig, OmegaConf

COMPOSES = "_load_configuration_impl"  # from hydra 1.1 on
hydra_parses: Callable[..., Any] = OverridesParser.parse_rule
hydra_composes: Callable[..., Any] | None = getattr(ConfigLoaderImpl, COMPOSES, None)
omegaconf_gets: Callable[..., Any] = DictConfig.__getattr__
omegaconf_creates: Callable[..., Any] = OmegaConf.create
parsed: dict[tuple[str, str], Any] = {}
composed: dict[str, Any] = {}  # by the word that chooses a group; by "" all that is there without one
kept = True  # False where a process ends with its command: it may have what was composed, instead of a copy
NO_NOTES = SimpleNamespace(format_stack=list)


def take() -> None:
    """Change hydra, omegaconf and torch for the rest of this process."""
    DictConfig.__getattr__ = get_at_once
    OmegaConf.create = staticmethod(create_at_once)
    vars(hydra_utils)["inspect"] = SimpleNamespace(**vars(inspect) | {"stack": stack})
    if hydra_composes is not None:
        OverridesParser.parse_rule = parse_once
        setattr(ConfigLoaderImpl, COMPOSES, compose_once)
    for name in ("cuda", "xpu", "mtia"):
        if (device := getattr(torch, name, None)) is not None:
            device.traceback = NO_NOTES


def compose_anew() -> None:
    """Take the changes of hydra and omegaconf back."""
    DictConfig.__getattr__ = omegaconf_gets
    OmegaConf.create = staticmethod(omegaconf_creates)
    vars(hydra_utils)["inspect"] = inspect
    if hydra_composes is not None:
        OverridesParser.parse_rule = hydra_parses
        setattr(ConfigLoaderImpl, COMPOSES, hydra_composes)


def stack() -> list[inspect.FrameInfo]:
    """``inspect.stack`` without the lines of the source."""
    frame, found = inspect.currentframe(), []
    while (frame := frame and frame.f_back) is not None:
        code = frame.f_code
        found.append(inspect.FrameInfo(frame, code.co_filename, frame.f_lineno, code.co_name, None, None))
    return found


def get_at_once(self: DictConfig, key: str) -> Any:
    """A value of a configuration. What is missing, or points to another value, is left to omegaconf."""
    content = self.__dict__.get("_content")
    node = content.get(key) if type(content) is dict else None
    if node is not None:
        value = node.__dict__.get("_val")
        if value is not None and is_plain(value):
            return value
        if type(node) is DictConfig and type(node.__dict__["_content"]) is dict:
            return node
    return omegaconf_gets(self, key)


def parse_once(self: OverridesParser, text: str, rule: str) -> Any:
    """One value of the command line."""
    if (text, rule) not in parsed:
        parsed[text, rule] = hydra_parses(self, text, rule)
    return copy.copy(parsed[text, rule])


def compose_once(
    self: ConfigLoaderImpl, config_name: str | None, overrides: list[str], *more: Any, **named: Any
) -> Any:
    """The configuration of fairseq: groups, then single values. What hydra says of itself, fairseq leaves out."""
    assert hydra_composes is not None
    if named["from_shell"]:  # by fairseq-hydra-train
        return hydra_composes(self, config_name, overrides, *more, **named)

    def part(word: str = "", name: str = "") -> Any:
        if word not in composed:
            whole = hydra_composes(self, config_name, [word] if word else [], *more, **named)
            composed[word] = whole._get_node(name) if word else whole
        return copy.deepcopy(composed[word]) if kept else composed.pop(word)

    made, values = part(), []
    for each in OverridesParser.create().parse_overrides(overrides):
        name = each.key_or_group
        if "." in name:
            values.append(each)
        else:
            made.__dict__["_content"][name] = group = part(each.input_line, name)
            group._set_parent(made)
    OmegaConf.set_struct(made, True)
    for each in values:
        if changes(each, made):
            ConfigLoaderImpl._apply_overrides_to_config([each], made)
    return made


def changes(override: Override, made: DictConfig) -> bool:
    """Whether a value is another one than the configuration has."""
    group, _, name = override.key_or_group.partition(".")
    contents = made.__dict__["_content"][group].__dict__.get("_content")
    node = contents.get(name) if type(contents) is dict else None
    if override.type is not OverrideType.CHANGE or node is None:
        return True
    value, known = override.value(), node.__dict__.get("_val")
    return not (type(value) is type(known) and is_plain(value) and value == known)


def create_at_once(*content: Any, **named: Any) -> Any:
    """A configuration of dictionaries in a dictionary. fairseq makes one for each command."""
    if len(content) == 1 and type(content[0]) is dict and not named:
        return fill(omegaconf_creates({}), content[0])
    return omegaconf_creates(*content, **named)


def fill(made: DictConfig, content: dict[Any, Any]) -> DictConfig:
    """Put plain values where omegaconf puts them. All others are left to omegaconf."""
    for name, value in content.items():
        if type(name) is str and type(value) is dict:
            made.__dict__["_content"][name] = fill(DictConfig({}, name, made), value)
        elif type(name) is str and is_plain(value):
            made.__dict__["_content"][name] = AnyNode(value, name, made)
        else:
            made[name] = value
    return made


def is_plain(value: Any) -> bool:
    """Whether omegaconf keeps a value as it is, and hands it out as it is."""
    return type(value) in (bool, int, float, NoneType) or (type(value) is str and "${" not in value and value != "???")

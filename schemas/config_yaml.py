"""A YAML document that knows the line of each of its places. Pure.

Every plain scalar but null is text until its model says what it is: an unquoted secret or number stays as it was
written. A key that stands twice in one mapping is refused, because YAML would silently keep the last. So are tags, and
aliases that unfold to far more than was written: the time that a file takes is bounded by its length. No refusal
repeats a value: an unquoted secret that begins with `*` or `!` is an alias or a tag to YAML.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import yaml

Location = tuple[int | str, ...]
"""The way from the top of the document: keys and places."""
DEPTH_MAX: Final = 50
"""Levels of nesting; the deepest place of a file of ours has nine."""
UNFOLDED_MAX: Final = 100_000
"""Nodes to which a document may unfold, aliases followed, beside ten for each that was written."""
UNFOLDED_PER_NODE: Final = 10
PROBLEMS_MAX: Final = 100
"""Problems that are told; finding the line of each takes time in proportion to the file."""
_NO_CHARACTER: Final = re.compile("[\x00\ud800-\udfff]")
_NAMED: Final = re.compile(r" '[\w!-]{2,}'$")
"""The name of an anchor or a tag handle at the end of PyYAML's sentence."""


class ConfigFileError(Exception):
    """The file cannot be used; each problem names its line and path."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the problems, one sentence each."""
        super().__init__("\n".join(problems))
        self.problems = problems


class Document:
    """One YAML document: its data, and where each place of it stands."""

    def __init__(self, text: str, name: str) -> None:
        """Read the text; `name` begins every sentence.

        Raises:
            ConfigFileError: not one YAML document, or a key that stands twice.
        """
        self._name = name
        try:
            loader = _Loader(text)
            self._node: Any = loader.get_single_node()
            _check_unfolded(self._node)
            doubled = list(_doubled_keys(self._node, (), set()))  # before construction, which flattens merge keys
            self.data: Any = None if self._node is None else loader.construct_document(self._node)
        except yaml.MarkedYAMLError as error:
            line = f":{error.problem_mark.line + 1}" if error.problem_mark is not None else ""
            raise ConfigFileError([f"{name}{line}: not YAML: {_NAMED.sub('', error.problem or '')}"]) from None
        except yaml.YAMLError:
            raise ConfigFileError([f"{name}: not YAML: it holds a character that YAML does not allow"]) from None
        except (ValueError, OverflowError):  # PyYAML's scanner leaves these to int() and chr()
            raise ConfigFileError([f"{name}: not YAML: an escape is no character, or a version no number"]) from None
        if doubled:
            raise self.refusal((loc, "stands twice") for loc in doubled)

    def refusal(self, problems: Iterable[tuple[Location, str]]) -> ConfigFileError:
        """The error that tells the first problems, and how many more there are."""
        found = list(problems)
        told = [self.sentence(loc, problem) for loc, problem in found[:PROBLEMS_MAX]]
        more = len(found) - len(told)
        return ConfigFileError([*told, f"{self._name}: and {more} more"] if more else told)

    def sentence(self, loc: Location, problem: str) -> str:
        """A problem with its line and path, such as `trackly.yaml:14: accounts[0].id: stands twice`."""
        return f"{self._name}:{self._line(loc)}: {_path(loc)}: {problem}"

    def _line(self, loc: Location) -> int:
        """Line of the deepest node on the way to a location, from 1."""
        line, node = 1, self._node
        for part in loc:
            if node is None:
                break
            line = node.start_mark.line + 1
            if isinstance(node, yaml.MappingNode):
                pair = next(((k, v) for k, v in reversed(node.value) if str(k.value) == str(part)), None)
                if pair is None:
                    break
                line, node = pair[0].start_mark.line + 1, pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line + 1
            else:  # one value that stands for a list of one
                break
        return line


class _Loader(yaml.SafeLoader):
    """Leaves every plain scalar as text and refuses tags; only null and the merge key keep their meaning."""

    _depth = 0

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and the shape are PyYAML's
        first: [(tag, pattern) for tag, pattern in rules if tag.rpartition(":")[2] in {"null", "merge"}]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse what is nested too deeply, before the interpreter does."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise yaml.MarkedYAMLError(problem=f"more than {DEPTH_MAX} levels", problem_mark=self.get_mark())
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def compose_scalar_node(self, anchor: Any) -> Any:
        """Refuse what no file, URL or key can be written with."""
        node = super().compose_scalar_node(anchor)
        if _NO_CHARACTER.search(node.value):
            raise yaml.MarkedYAMLError(problem="an escape stands for no character", problem_mark=node.start_mark)
        return node

    def parse_flow_mapping_empty_value(self) -> Any:
        """Refuse `{a, b}`: more likely the rest of an unquoted value than a key, and every key is shown."""
        mark = self.get_mark()
        problem = "a key without a value; a value that holds a comma must be quoted"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)

    def refuse_tag(self, node: Any) -> Any:
        """Refuse every tag without a constructor below."""
        problem = "a tag that is not taken here; a value that begins with ! must be quoted"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


_Loader.yaml_constructors = {
    **{
        tag: make
        for tag, make in yaml.SafeLoader.yaml_constructors.items()
        if tag is not None and tag.rpartition(":")[2] in {"null", "str", "seq", "map"}
    },
    None: _Loader.refuse_tag,
}


def _check_unfolded(node: Any) -> None:
    """Refuse a document whose aliases unfold to far more than was written."""
    sizes: dict[int, int] = {}

    def size_of(node: Any) -> int:
        if id(node) in sizes:
            return sizes[id(node)]
        sizes[id(node)] = 1  # an anchor within itself
        inner = [*node.value] if isinstance(node, yaml.SequenceNode) else []
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in node.value for part in pair]
        sizes[id(node)] = size = 1 + sum(map(size_of, inner))
        return size

    if node is not None and size_of(node) > UNFOLDED_MAX + UNFOLDED_PER_NODE * len(sizes):
        raise yaml.MarkedYAMLError(problem="its aliases unfold to far more than was written")


def _doubled_keys(node: Any, here: Location, seen: set[int]) -> Iterator[Location]:
    if node is None or id(node) in seen:  # an anchor is walked once
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            text = str(key.value)
            if text in keys:
                yield (*here, text)
            keys.add(text)
            yield from _doubled_keys(value, (*here, text), seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _doubled_keys(value, (*here, index), seen)


def _path(loc: Location) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.lstrip(".") or "file"

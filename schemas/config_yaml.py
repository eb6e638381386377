"""A YAML document that knows the line of each of its places. Pure.

Every plain scalar but null is text until its model says what it is: an unquoted secret or number stays as it was
written. A key that stands twice in one mapping is refused, because YAML would silently keep the last.
"""

from collections.abc import Iterator
from typing import Any

import yaml

Location = tuple[int | str, ...]
"""The way from the top of the document: keys and places."""


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
            doubled = list(_doubled_keys(self._node, (), set()))  # before construction, which flattens merge keys
            self.data: Any = None if self._node is None else loader.construct_document(self._node)
        except yaml.MarkedYAMLError as error:
            line = f":{error.problem_mark.line + 1}" if error.problem_mark is not None else ""
            raise ConfigFileError([f"{name}{line}: not YAML: {error.problem}"]) from None
        except yaml.YAMLError:
            raise ConfigFileError([f"{name}: not YAML: it holds a character that YAML does not allow"]) from None
        if doubled:
            raise ConfigFileError([self.sentence(loc, "stands twice") for loc in doubled])

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
    """Leaves every plain scalar as text; only null and the merge key keep their meaning."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and the shape are PyYAML's
        first: [(tag, pattern) for tag, pattern in rules if tag.rpartition(":")[2] in {"null", "merge"}]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


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

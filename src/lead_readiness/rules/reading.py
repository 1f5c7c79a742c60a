"""A rule book's YAML as plain values, without YAML's two classic traps."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from lead_readiness.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """YAML in which only true and false are booleans (`on` and `NO` stay words) and no key comes twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own class attribute
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for written, _ in node.value:
            key = self.construct_object(written, deep=True)
            if key in seen:
                problem = f"the key {key!r} comes twice in one place; keep one"
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=written.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), ["t", "f"])


def read(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Raises ConfigError when there is no file, no valid YAML or no mapping in it.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no rule book there; name a YAML file as `rules` in the project file")
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(data, dict):
        found = "nothing" if data is None else type(data).__name__
        raise ConfigError(f"{path}: found {found}, expected a mapping with `name`, `threshold` and `rules`")
    return data

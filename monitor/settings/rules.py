"""The rules of a configuration directory: their files, and who makes rules of them: an earlier start, a copy, or we."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import ConfigError, Place, Problem
from monitor.rules import kept, passed
from monitor.rules.beside import Beside
from monitor.rules.examples import Examples
from monitor.rules.load import compile_rules
from monitor.rules.rule_set import RuleSet


def rule_paths(config_dir: Path) -> tuple[Path, ...]:
    """The rule files of a configuration directory, in the order of their names.

    ConfigError when there is no looking into it: a directory that vanished is not the wish to have no rules.
    """
    directory = config_dir / "rules"
    try:
        return tuple(sorted(path for path in directory.iterdir() if _is_rule_file(path)))
    except OSError as error:
        remedy = "rules stand in its *.yaml files; `licensewatch init` writes a first pack"
        reason = f"the directory of the rules cannot be read: {error.strerror}"
        raise ConfigError(Problem(Place(str(directory), 0), reason, remedy)) from None


def _is_rule_file(path: Path) -> bool:
    """Whether a file in rules/ is read: *.yaml, and no hidden file of an editor."""
    return path.suffix == ".yaml" and not path.name.startswith(".")


def ahead(config_dir: Path, state_dir: Path) -> Beside | None:
    """Rules that are made beside what a start does before it needs them (`begin` takes them); None where an earlier
    start kept them, or where there is no looking at them, which `begin` will say.
    """
    try:
        paths = rule_paths(config_dir)
    except ConfigError:
        return None
    key = kept.key_of(paths)
    if kept.knows(state_dir, key):
        return None

    def keep(rules: RuleSet) -> None:
        if kept.key_of(paths) == key:  # else somebody edited them meanwhile
            kept.keep(state_dir, key, rules)

    return Beside(lambda: compile_rules(paths, passed.recall(state_dir)), keep)


@dataclass(frozen=True, slots=True)
class Found:
    """Rules that an earlier start kept, or compiled ones and what has yet to show that their examples hold."""

    rules: RuleSet
    unchecked: Examples | Beside | None = None

    def checked(self) -> RuleSet:
        """The rules, once their examples have held (raises ConfigError)."""
        return self.rules if self.unchecked is None else self.unchecked.checked()


def read_rules(config_dir: Path, warnings: list[str], known: frozenset[str], made: Path | Beside | None) -> Found:
    """Rules that are `made` beside; or else `known` examples, and those that an earlier start remembers in the state
    directory, need not be run again.
    """
    paths = rule_paths(config_dir)
    if not paths:
        warnings.append(f"{config_dir / 'rules'}: no rule files (*.yaml), so nothing can ever match")
    if isinstance(made, Beside):
        found = Found(made.compiled(), made)
    else:
        found = _kept(paths, made) or _compiled(paths, known, made)
    warnings += [str(warning) for warning in found.rules.warnings]
    return found


def _kept(paths: Sequence[Path], state_dir: Path | None) -> Found | None:
    rules = kept.recall(state_dir, kept.key_of(paths)) if state_dir is not None else None
    return None if rules is None else Found(rules)


def _compiled(paths: Sequence[Path], known: frozenset[str], state_dir: Path | None) -> Found:
    examples = compile_rules(paths, known | (passed.recall(state_dir) if state_dir is not None else frozenset()))
    return Found(examples.rules, examples)

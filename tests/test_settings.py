"""Settings: files become one Configuration, or an error that names every mistake."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from monitor import settings
from monitor.errors import ConfigError
from monitor.rules import passed
from monitor.rules.compile import content_hash
from monitor.rules.load import load_nodes
from monitor.settings import schemas
from monitor.settings.schemas import as_text
from monitor.yamlfile import parse
from tests.configured import FEEDS, MONITOR, RULES, load, write

CASES = Path(__file__).parent / "data" / "config_errors"
CONFIG = Path(__file__).parents[1] / "config"


class TestMistakes:
    @pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda path: path.name)
    def test_one_mistake_gives_one_message(self, case: Path, tmp_path: Path) -> None:
        """A20: each file of data/config_errors has one mistake, and its first line says what a person must read."""
        config = write(tmp_path)
        target = case.name.partition(".")[2]
        data = case.read_bytes()
        (config / ("rules/first.yaml" if target == "rules.yaml" else target)).write_bytes(data)
        with pytest.raises(ConfigError) as caught:
            settings.load(config, {})
        expected = data.split(b"\n")[0].decode().removeprefix("# expect: ")
        found = [str(problem).removeprefix(f"{config}/") for problem in caught.value.problems]
        assert len(found) == 1, found
        start, cut, _ = expected.partition("…")
        assert found[0].startswith(start) if cut else found[0] == expected, found[0]

    def test_no_message_shows_a_password(self, tmp_path: Path) -> None:
        """A37: a database URL with a password that is refused is not repeated."""
        with pytest.raises(ConfigError) as caught:
            load(tmp_path, {"LICENSEWATCH_DATABASE_URL": "mysql://root:geheim@db/x"})
        assert "geheim" not in str(caught.value)
        assert "LICENSEWATCH_DATABASE_URL" in str(caught.value)

    def test_mistakes_of_all_files_are_named_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            load(tmp_path, monitor="poling: 1", feeds="feds: []", rules="version: 1\nruels: []")
        assert [Path(problem.place.file).name for problem in caught.value.problems[::1]][:1] == ["monitor.yaml"]
        assert {Path(problem.place.file).name for problem in caught.value.problems} == {
            "monitor.yaml",
            "feeds.yaml",
            "first.yaml",
        }

    @pytest.mark.parametrize("name", ["monitor.yaml", "feeds.yaml"])
    def test_a_missing_file_is_named_with_the_remedy(self, name: str, tmp_path: Path) -> None:
        config = write(tmp_path)
        (config / name).unlink()
        with pytest.raises(ConfigError, match=rf"{name}:1:1: there is no such file \(`licensewatch init`"):
            settings.load(config, {})

    def test_a_vanished_rules_directory_is_a_mistake_and_an_empty_one_is_not(self, tmp_path: Path) -> None:
        """A reload in the middle of a checkout keeps the old rules instead of going on without any."""
        config = write(tmp_path)
        (config / "rules" / "first.yaml").rename(tmp_path / "first.yaml")
        assert len(settings.load(config, {}).rules.rules) == 0
        (config / "rules").rmdir()
        with pytest.raises(ConfigError, match="rules: the directory of the rules cannot be read: No such file"):
            settings.load(config, {})

    def test_hidden_files_of_editors_are_no_rules(self, tmp_path: Path) -> None:
        config = write(tmp_path)
        (config / "rules" / ".#first.yaml").symlink_to("nobody@host.1")
        (config / "rules" / "first.yaml~").write_text("{")
        assert len(settings.load(config, {}).rules.rules) == 1

    def test_a_start_skips_examples_that_passed_and_a_check_never_does(self, tmp_path: Path) -> None:
        """Only `recall` believes what an earlier start wrote down; an edited example runs again."""
        config = write(tmp_path)
        settings.remember_examples(settings.load(config, {}))
        assert passed.recall(tmp_path / "var") == settings.load(config, {}, recall=True).rules.examples_passed
        file = config / "rules" / "first.yaml"
        file.write_text(file.read_text().replace("model is closed", "model is free"))
        claimed = content_hash(*_key_of(config))
        passed.remember(tmp_path / "var", [claimed])
        assert settings.load(config, {}, recall=True).rules.examples_passed == {claimed}
        with pytest.raises(ConfigError, match="does not match its example"):
            settings.load(config, {})
        file.write_text(file.read_text().replace("model is free", "model is cheap"))
        with pytest.raises(ConfigError, match="does not match its example"):
            settings.load(config, {}, recall=True)

    def test_a_directory_in_the_place_of_a_file_is_named(self, tmp_path: Path) -> None:
        config = write(tmp_path)
        (config / "feeds.yaml").unlink()
        (config / "feeds.yaml").mkdir()
        with pytest.raises(ConfigError, match=r"feeds\.yaml:1:1: this is a directory"):
            settings.load(config, {})


def _key_of(config: Path) -> tuple[str, str, list[list[str]]]:
    """What the examples of the one rule there are known by, were they right: its version, its facts, its examples."""
    text = (config / "rules" / "first.yaml").read_text()
    (rule,) = load_nodes([parse(re.sub("must_match.*", "", text), "first.yaml")]).rules.values()
    return rule.version, content_hash([]), [re.findall(r"must_match: \[(.*)\]", text)]


def _said_to_an_ordinary_account(config: Path) -> str:
    """The error that an account without root's rights gets, from a child that gave them up."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        text = "nothing"
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            settings.load(settings.find_config_dir(config, {}), {})
        except BaseException as error:  # whatever it is, the parent shall see it
            text = f"{type(error).__name__}: {error}"
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        text = said.read()
    os.waitpid(child, 0)
    return text


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        ("config/monitor.yaml", "config/monitor.yaml:1:1: permission denied (the account that runs licensewatch must"),
        ("config/rules", "config/rules: the directory of the rules cannot be read: Permission denied"),
        ("config", "config/monitor.yaml:1:1: permission denied"),
        (".", "config: --config: Permission denied"),
    ],
)
def test_what_may_not_be_read_is_named(closed: str, expected: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        config = write(here)
        for path in (here, config, config / "rules"):
            path.chmod(0o755)
        (here / closed).chmod(0)
        said = _said_to_an_ordinary_account(config)
        (here / closed).chmod(0o755)
    assert said.startswith(f"ConfigError: {scratch}/{expected}"), said


class TestShipped:
    def test_the_shipped_configuration_loads_without_warnings(self) -> None:
        configuration = settings.load(CONFIG, {})
        assert configuration.warnings == ()
        assert 55 <= len(configuration.feeds) <= 75
        assert len(configuration.rules.rules) >= 1

    def test_every_shipped_feed_has_a_title_and_tags(self) -> None:
        assert all(feed.title and feed.tags for feed in settings.load(CONFIG, {}).feeds)

    @pytest.mark.parametrize("name", ["monitor.json", "feeds.json", "rules.json"])
    def test_the_shipped_schemas_are_current(self, name: str) -> None:
        """When this fails: `python -m monitor.settings`."""
        assert (CONFIG / "schema" / name).read_text("utf-8") == as_text(schemas()[name])

    @pytest.mark.parametrize("file", ["monitor.yaml", "feeds.yaml", "rules"])
    def test_shipped_files_name_their_schema_and_obey_it(self, file: str) -> None:
        paths = settings.rule_paths(CONFIG) if file == "rules" else (CONFIG / file,)
        for path in paths:
            first = path.read_text("utf-8").split("\n")[0]
            named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
            assert named, f"{path}: {first}"
            schema = json.loads((path.parent / named[1]).read_text("utf-8"))
            jsonschema.Draft202012Validator.check_schema(schema)
            jsonschema.validate(YAML(typ="safe", pure=True).load(path), schema)

    @pytest.mark.parametrize("name", ["monitor.json", "feeds.json"])
    def test_every_key_is_described(self, name: str) -> None:
        """An editor shows a line about each key; a new key without one fails here."""
        made = schemas()[name]
        parts = {"document": made, **made["$defs"]}
        bare = [
            f"{part}.{key}"
            for part, schema in parts.items()
            for key, value in schema.get("properties", {}).items()
            if not value.get("description")
        ]
        assert bare == []

    def test_a_schema_refuses_what_the_reader_refuses(self) -> None:
        """An unknown key, a number without unit and an unknown choice are marked in the editor too."""
        validator = jsonschema.Draft202012Validator(schemas()["monitor.json"])
        mistakes: list[object] = [
            {"poling": {}},
            {"polling": {"interval": 15}},
            {"receivers": [{"name": "a", "type": "x"}]},
        ]
        for bad in mistakes:
            assert not validator.is_valid(bad)

    def test_what_the_comments_of_monitor_yaml_offer_is_valid(self, tmp_path: Path) -> None:
        """Every line that is commented out works when the comment sign is taken away."""
        text = (CONFIG / "monitor.yaml").read_text("utf-8")
        offered = re.sub(r"^( *)# (?=( |- )*[{a-z_]+:( [^ ]|$))", r"\1", text, flags=re.MULTILINE)
        offered = offered.replace("database: sqlite", "# database: sqlite").replace("to: [legal]", "to: [hook]")
        chosen = load(tmp_path, {}, monitor=offered).settings
        assert chosen.database.startswith("postgresql+psycopg://")
        assert [receiver.name for receiver in chosen.receivers] == ["licensing", "hook", "screen"]
        assert chosen.alerts.digest is not None
        assert chosen.polling.contact
        assert len(chosen.routes) == 2


class TestWarnings:
    def test_short_intervals_are_allowed_with_a_warning(self, tmp_path: Path) -> None:
        monitor = MONITOR + "polling: {interval: 2s}\n"
        configuration = load(tmp_path, monitor=monitor, feeds=FEEDS.replace("tags", "interval: 5s, tags"))
        assert configuration.settings.polling.interval == timedelta(seconds=2)
        assert [re.sub(r"^.*/", "", line).partition(";")[0] for line in configuration.warnings] == [
            "monitor.yaml:4:21: polling.interval is 2s",
            "feeds.yaml:2:54: feed a: interval is 5s",
        ]

    def test_a_route_that_asks_for_what_nothing_has_is_warned_of(self, tmp_path: Path) -> None:
        monitor = MONITOR.replace("routes: [{to:", "routes: [{match: {rule: closng, feed: [a], feed_tag: pres}, to:")
        warnings = load(tmp_path, monitor=monitor).warnings
        assert warnings == (
            "monitor.yaml: routes[1].match.rule: nothing is named 'closng' (did you mean 'closing'?)",
            "monitor.yaml: routes[1].match.feed_tag: nothing is named 'pres' (did you mean 'press'?)",
        )

    def test_full_text_is_taken_without_a_word(self, tmp_path: Path) -> None:
        configuration = load(tmp_path, feeds=FEEDS.replace("tags", "full_text: true, tags"))
        assert configuration.warnings == ()
        assert configuration.feeds[0].full_text

    def test_warnings_of_rules_are_among_them(self, tmp_path: Path) -> None:
        """A query that YAML has cut at ` #` is told of."""
        rules = RULES.replace("when: open AND closed", "when: open # and closed")
        assert "YAML cut this query" in load(tmp_path, rules=rules).warnings[0]

    def test_a_rule_that_asks_for_a_feed_which_is_not_there_is_warned_of(self, tmp_path: Path) -> None:
        """It would never match, and nobody would know why."""
        feeds = FEEDS.replace("{id: a,", "{id: the-decoder,")
        rules = RULES.replace("open AND closed", "open AND closed AND NOT feed:(the-decodr OR the-decoder)")
        (warning,) = load(tmp_path, feeds=feeds, rules=rules).warnings
        assert warning == ("rules: a query says feed:the-decodr, and no feed is named so (did you mean 'the-decoder'?)")

    def test_no_feeds_and_no_rules_are_warned_of(self, tmp_path: Path) -> None:
        config = write(tmp_path, feeds="feeds: []")
        (config / "rules" / "first.yaml").unlink()
        assert [text in warning for text, warning in _pairs(settings.load(config, {}).warnings)] == [True, True]


def _pairs(warnings: Iterable[str]) -> list[tuple[str, str]]:
    return list(zip(("no feeds", "no rule files"), warnings, strict=True))


class TestReload:
    def test_keys_that_need_a_restart_are_named_and_the_rest_applies(self, tmp_path: Path) -> None:
        config = write(tmp_path)
        old = settings.load(config, {})
        changed = "database: sqlite:///b.db\nstate_dir: s\nweb: {listen: '127.0.0.1:1'}\npolling: {interval: 1h}\n"
        (config / "monitor.yaml").write_text(MONITOR + changed)
        new = settings.load(config, {}, old)
        assert settings.changed_needing_restart(old.settings, new.settings) == ("database", "state_dir", "web.listen")
        applied = settings.keeping_restart_keys(old, new)
        assert settings.changed_needing_restart(old.settings, applied.settings) == ()
        assert applied.settings.polling.interval == timedelta(hours=1)

    def test_nothing_changed_needs_no_restart(self, tmp_path: Path) -> None:
        config = write(tmp_path)
        old = settings.load(config, {})
        assert settings.changed_needing_restart(old.settings, settings.load(config, {}, old).settings) == ()


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("'[::1]:80'", ("::1", 80)),
        ("null", None),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_the_web_address_is_read(listen: str, address: tuple[str, int] | None, tmp_path: Path) -> None:
    assert load(tmp_path, monitor=f"web: {{listen: {listen}}}").settings.web.address == address

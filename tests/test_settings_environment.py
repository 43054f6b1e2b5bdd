"""What the environment adds to the settings: channels, tokens, credentials, and where the directory is."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor import settings
from monitor.alerts.receivers import ConsoleReceiver, SlackReceiver
from monitor.errors import ConfigError
from tests.configured import load, write


class TestEnvironment:
    def test_slack_channel_fills_receivers_that_name_none(self, tmp_path: Path) -> None:
        receivers = "receivers:\n  - {name: a, type: slack}\n  - {name: b, type: slack, channel: C2}\n"
        chosen = load(tmp_path, {"SLACK_CHANNEL": "C1"}, monitor=receivers).settings
        assert [receiver.channel for receiver in chosen.receivers if isinstance(receiver, SlackReceiver)] == [
            "C1",
            "C2",
        ]

    def test_a_token_without_a_channel_is_warned_of(self, tmp_path: Path) -> None:
        configuration = load(tmp_path, {"SLACK_BOT_TOKEN": "xoxb-1"})
        assert configuration.warnings == (
            "receiver licensing: no channel is named; set `channel:` in monitor.yaml, or $SLACK_CHANNEL",
        )

    def test_a_channel_given_by_its_name_is_warned_of(self, tmp_path: Path) -> None:
        """A26: what is unclear is settled from the channel's history, which Slack gives by id alone."""
        (warning,) = load(tmp_path, {"SLACK_CHANNEL": "#licensing"}).warnings
        assert warning.startswith("receiver licensing: #licensing is a channel's name")
        assert "Use the id" in warning

    def test_an_empty_monitor_yaml_alerts_one_slack_channel(self, tmp_path: Path) -> None:
        """Every key is optional: a token and a channel in the environment are enough."""
        chosen = load(tmp_path, {"SLACK_CHANNEL": "C1"}, monitor="").settings
        assert chosen.receivers == (SlackReceiver(name="slack", channel="C1"),)
        assert [route.receivers for route in chosen.routes] == [("slack",)]
        assert chosen.ops.receivers == ("slack",)

    def test_without_routes_everything_goes_everywhere(self, tmp_path: Path) -> None:
        receivers = "receivers: [{name: a, type: console}, {name: b, type: slack}]"
        chosen = load(tmp_path, monitor=receivers).settings
        assert chosen.receivers[0] == ConsoleReceiver(name="a")
        assert [route.receivers for route in chosen.routes] == [("a", "b")]

    def test_the_database_of_the_environment_wins(self, tmp_path: Path) -> None:
        env = {"LICENSEWATCH_DATABASE_URL": "postgresql://u:geheim@h/db"}
        chosen = load(tmp_path, env, monitor="database: sqlite:///x.db").settings
        assert chosen.database == "postgresql+psycopg://u:geheim@h/db"
        assert "geheim" not in repr(chosen)

    def test_relative_paths_are_relative_to_the_file(self, tmp_path: Path) -> None:
        chosen = load(tmp_path, monitor="database: sqlite:///../data/x.db\nstate_dir: ../state").settings
        assert chosen.database == f"sqlite:///{tmp_path}/data/x.db"
        assert chosen.state_dir == tmp_path / "state"

    def test_an_absolute_database_path_stays(self, tmp_path: Path) -> None:
        assert load(tmp_path, monitor="database: sqlite:////srv/x.db").settings.database == "sqlite:////srv/x.db"

    def test_state_stands_beside_the_configuration(self, tmp_path: Path) -> None:
        chosen = load(tmp_path).settings
        assert chosen.state_dir == tmp_path / "var"
        assert chosen.database == f"sqlite:///{tmp_path}/var/licensewatch.db"

    def test_the_state_directory_of_systemd_counts_unless_the_file_says_otherwise(self, tmp_path: Path) -> None:
        env = {"STATE_DIRECTORY": "/var/lib/licensewatch:/var/lib/other"}
        config = write(tmp_path)
        assert settings.load(config, env).settings.state_dir == Path("/var/lib/licensewatch")
        (config / "monitor.yaml").write_text("state_dir: here")
        assert settings.load(config, env).settings.state_dir == config / "here"


class TestFindConfigDir:
    def test_the_option_wins_over_the_environment(self, tmp_path: Path) -> None:
        config = write(tmp_path)
        assert settings.find_config_dir(config, {"LICENSEWATCH_CONFIG": "/nowhere"}) == config
        assert settings.find_config_dir(None, {"LICENSEWATCH_CONFIG": str(config)}) == config

    def test_the_config_directory_here_is_found(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config = write(tmp_path)
        monkeypatch.chdir(tmp_path)
        assert settings.find_config_dir(None, {}) == config

    def test_nothing_found_says_where_it_looked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The directory `config` of another project, without monitor.yaml, is not taken for ours."""
        (tmp_path / "config").mkdir()
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigError, match=r"neither .*config nor /etc/licensewatch .*licensewatch init"):
            settings.find_config_dir(None, {})

    def test_a_file_in_the_place_of_the_directory_is_named(self, tmp_path: Path) -> None:
        config = write(tmp_path)
        with pytest.raises(ConfigError, match="--config names a file, a directory is wanted"):
            settings.find_config_dir(config / "monitor.yaml", {})

    def test_a_missing_directory_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"nowhere: \$LICENSEWATCH_CONFIG names a directory that does not exist"):
            settings.find_config_dir(None, {"LICENSEWATCH_CONFIG": str(tmp_path / "nowhere")})


class TestCredentials:
    def test_the_file_of_systemd_wins_over_the_environment(self, tmp_path: Path) -> None:
        (tmp_path / "slack_bot_token").write_text("xoxb-file\n")
        env = {"CREDENTIALS_DIRECTORY": str(tmp_path), "SLACK_BOT_TOKEN": "xoxb-env"}
        found = settings.credential("slack_bot_token", env)
        assert found
        assert (found.value, found.where) == ("xoxb-file", f"the file {tmp_path}/slack_bot_token")

    def test_a_replaced_file_counts_at_once(self, tmp_path: Path) -> None:
        env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
        assert settings.credential("slack_bot_token", env) is None
        (tmp_path / "slack_bot_token").write_text("xoxb-new")
        assert settings.required_credential("slack_bot_token", env).value == "xoxb-new"

    def test_the_environment_variable_is_the_name_in_upper_case(self) -> None:
        found = settings.credential("team-b.token", {"TEAM_B_TOKEN": " x "})
        assert found
        assert (found.value, found.where) == ("x", "the environment variable TEAM_B_TOKEN")

    def test_a_credential_never_shows_its_value(self) -> None:
        """A37: neither repr nor str hold the secret."""
        found = settings.credential("slack_bot_token", {"SLACK_BOT_TOKEN": "xoxb-canary"})
        assert "canary" not in f"{found!r} {found!s}"

    def test_a_missing_credential_says_where_it_was_looked_for(self) -> None:
        with pytest.raises(ConfigError) as caught:
            settings.required_credential("slack_bot_token", {})
        assert str(caught.value) == (
            "credential slack_bot_token: not found in $CREDENTIALS_DIRECTORY/slack_bot_token (which is not set)"
            " or in the environment variable SLACK_BOT_TOKEN"
        )

    def test_a_blank_file_counts_as_none(self, tmp_path: Path) -> None:
        """The unit's SetCredential hands over a blank line where root has put no file."""
        (tmp_path / "slack_bot_token").write_text("\n")
        env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
        assert settings.credential("slack_bot_token", env) is None
        found = settings.credential("slack_bot_token", env | {"SLACK_BOT_TOKEN": "x"})
        assert found
        assert found.value == "x"

    def test_an_unreadable_credential_is_an_error_not_a_missing_one(self, tmp_path: Path) -> None:
        (tmp_path / "slack_bot_token").mkdir()
        with pytest.raises(ConfigError, match="the credential cannot be read: Is a directory"):
            settings.credential("slack_bot_token", {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    def test_a_name_cannot_leave_the_directory(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="a credential's name holds only"):
            settings.credential("../shadow", {"CREDENTIALS_DIRECTORY": str(tmp_path)})

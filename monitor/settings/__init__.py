"""YAML and environment become one frozen Configuration here; each part of the program owns its own settings type."""

from monitor.settings.credentials import Credential, credential, places_of, required_credential
from monitor.settings.loading import (
    Configuration,
    begin,
    changed_needing_restart,
    find_config_dir,
    keeping_restart_keys,
    load,
    load_readable,
    load_settings,
    packaged_config,
    readable_settings,
    remember_examples,
    with_rules,
)
from monitor.settings.rules import ahead, rule_paths
from monitor.settings.schemas import schemas
from monitor.settings.shape import FeedsFile, MonitorFile, Retention, Settings, Web

__all__ = [
    "Configuration",
    "Credential",
    "FeedsFile",
    "MonitorFile",
    "Retention",
    "Settings",
    "Web",
    "ahead",
    "begin",
    "changed_needing_restart",
    "credential",
    "find_config_dir",
    "keeping_restart_keys",
    "load",
    "load_readable",
    "load_settings",
    "packaged_config",
    "places_of",
    "readable_settings",
    "remember_examples",
    "required_credential",
    "rule_paths",
    "schemas",
    "with_rules",
]

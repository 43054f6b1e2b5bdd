"""licensewatch: watches news feeds for AI model licensing shifts and tells people in Slack."""

__version__ = "0.1.0"

"""Connectors to Slack: an app with a bot token, or one incoming webhook."""

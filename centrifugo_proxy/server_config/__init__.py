"""Centrifugo's own configuration: `generate` writes a configuration that fits these settings, `linter` checks one."""

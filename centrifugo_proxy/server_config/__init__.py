"""Centrifugo's own configuration: `generate` writes one that fits these settings, `linter` checks one."""

"""What Centrifugo's configuration must say for these settings: written by `generate`, held to by `rules`."""

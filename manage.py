#!/usr/bin/env python
"""Runs the operator's commands: `python manage.py help`."""

import sys

from common import early_signals

if __name__ == "__main__":
    early_signals.install(sys.argv)
    from realtime_site import command_line

    command_line.run(sys.argv)

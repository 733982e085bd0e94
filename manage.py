#!/usr/bin/env python
"""Runs the operator's commands: `python manage.py help`."""

import sys

from realtime_site import command_line

if __name__ == "__main__":
    command_line.run(sys.argv)

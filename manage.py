#!/usr/bin/env python
"""Runs the operator's commands: `python manage.py help`."""

import sys

from realtime_site import boot

if __name__ == "__main__":
    boot.configure(boot.refusal_code(sys.argv))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)

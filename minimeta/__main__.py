"""`python -m minimeta`: see runs/command_line.py."""
import sys

from .runs.command_line import main

sys.exit(main())

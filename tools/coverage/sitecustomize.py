"""
Measure the coverage of each Python process that has this folder in its PYTHONPATH.

The disk workers and the command line's tests hand PYTHONPATH down, but no other variable.
"""

import os
from pathlib import Path

import coverage

_ROOT = Path(__file__).resolve().parent.parent.parent

# pyproject.toml names the data file by it.
os.environ.setdefault("COVERAGE_ROOT", str(_ROOT))
os.environ.setdefault("COVERAGE_PROCESS_START", str(_ROOT / "pyproject.toml"))
coverage.process_startup()

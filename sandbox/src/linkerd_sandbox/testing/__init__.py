"""Tests against a real mesh on the sandbox: the pytest plugin, and what its fixtures give (docs/testing.md)."""

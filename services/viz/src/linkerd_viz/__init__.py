"""The viz extension: metrics API, tap, dashboard."""

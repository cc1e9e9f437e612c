"""Pods as processes: images, containers, probes, volumes, logs, and the status that the API shows."""

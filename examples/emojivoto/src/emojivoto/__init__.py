"""Emojivoto in Python: the demo application of service meshes, with upstream's wire format.

web serves a page and an HTTP API and calls emoji and voting over gRPC; vote-bot votes through web. Voting for the
doughnut fails, on purpose: somebody has to find out why.
"""

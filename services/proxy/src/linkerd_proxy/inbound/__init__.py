"""Connections to the application, in the order of their stages.

accept (loop guard, port) -> detect (mTLS, protocol) -> router (route) -> permit (authorization, books) -> forward.
"""

"""Connections that the application makes, in the order of their stages.

accept (loop guard, original destination) -> discover (what is there) -> protocol (hint or detection) -> logical (route)
-> concrete (split, balancer, breaker) -> endpoint (connections, books); what is not HTTP goes to opaque.
"""

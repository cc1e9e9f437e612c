"""`python -m bench.destination`: discovery at the size of a large cluster.

10,000 Services, 100,000 endpoints, 5,000 policies, and 1,000 proxies that watch 20 targets each. The shipped service
has one core; the API that replays pre-encoded bytes, identity and the proxies share the other. There is no peer: the
figures are absolute, and held to bars.
"""

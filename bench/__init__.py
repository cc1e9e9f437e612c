"""Side-by-side benchmarks: two of our sidecars with mutual TLS between them against two of a peer's.

Method: one core for both proxies, the other for load and backend; every peer in the same run, runs interleaved;
results are ratios to a peer with their spread over the runs. `make bench` writes bench/results/latest.json and prints
the table that docs/benchmarks.md quotes. Nothing is claimed against a peer that was not measured in the same run.
"""

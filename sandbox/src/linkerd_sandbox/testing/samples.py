"""Sidecars' metrics in Prometheus text form, as tests read them. PURE."""


def sample(lines: list[str], name: str, **labels: str) -> float:
    """The sum of all samples of a metric that have these labels."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    total = 0.0
    for line in lines:
        family, _, rest = line.partition("{")
        if family == name and all(label in rest for label in wanted):
            total += float(line.rpartition(" ")[2])
    return total

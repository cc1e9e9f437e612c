"""The commands of `linkerd viz`. They ask the metrics API, never a proxy."""

"""PURE: folds Kubernetes objects into a graph of facts, and knows who read which fact."""

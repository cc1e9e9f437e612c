"""PURE: renders the contract's documents from facts. Knows no Kubernetes client and no wire."""

"""`linkerd check`: questions about a cluster, each really asked, in Linkerd's order and words."""

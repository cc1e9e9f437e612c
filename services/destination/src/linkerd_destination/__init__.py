"""Discovery and policy for the proxies."""

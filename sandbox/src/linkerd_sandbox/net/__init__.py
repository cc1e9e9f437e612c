"""The sandbox's network: namespaces, links, addresses, the service proxy and cluster DNS."""

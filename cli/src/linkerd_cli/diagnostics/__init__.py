"""The commands of `linkerd diagnostics`: what the control plane and the proxies know, asked of them."""

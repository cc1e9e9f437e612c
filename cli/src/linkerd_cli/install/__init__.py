"""`linkerd install`: the committed manifests with values filled in."""

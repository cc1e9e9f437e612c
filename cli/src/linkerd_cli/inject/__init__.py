"""inject and uninject: manifests in, manifests out."""

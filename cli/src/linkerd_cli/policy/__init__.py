"""The commands of `linkerd policy`: policies before they are applied."""

"""`linkerd profile`: ServiceProfiles from a template or from an OpenAPI document."""

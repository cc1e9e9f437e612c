"""`linkerd profile`: ServiceProfiles from a template, an OpenAPI document or a Protocol Buffers file."""

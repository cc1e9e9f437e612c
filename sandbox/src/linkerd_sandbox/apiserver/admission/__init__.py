"""Admission: plugins and webhooks that change or refuse writes before they are stored."""

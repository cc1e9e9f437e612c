"""The admin server on :4191: liveness, readiness, metrics, settings, log level, shutdown."""

from linkerd_proxy.admin.server import DECISIONS, Admin, admin_app

__all__ = ["DECISIONS", "Admin", "admin_app"]

"""What the service writes back: Events on objects that it cannot use, and status conditions."""

"""Pure decisions that several parts share: injection, validation, policy."""

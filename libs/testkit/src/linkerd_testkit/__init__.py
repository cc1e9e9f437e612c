"""Test tools: fake clock, certificates, wire pairs, a fake control plane."""

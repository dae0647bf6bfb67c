"""Brokers that run as processes of their own, for harnesses and for tests."""

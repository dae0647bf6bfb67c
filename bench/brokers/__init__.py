"""Plugins for real brokers beside the official ones and beside the bare client libraries."""

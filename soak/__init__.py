"""Restarting a real broker again and again while numbered messages pass through a plugin."""

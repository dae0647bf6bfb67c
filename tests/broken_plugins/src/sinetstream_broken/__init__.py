"""Plugins that each break one rule of the contract, and correct ones of every delivery model."""

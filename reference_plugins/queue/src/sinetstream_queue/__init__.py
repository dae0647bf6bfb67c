"""The queue plugin for SINETStream; :mod:`sinetstream_queue.plugin` is the whole of it."""

__version__ = "0.1.0"

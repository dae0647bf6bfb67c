"""Write, run and share plugins for SINETStream.

Start from :mod:`sinetstream_sdk.spi`. Nothing is imported here, so that each part costs what it
needs and no more.
"""

__version__ = "0.1.0"

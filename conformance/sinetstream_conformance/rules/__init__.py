"""The contract: each module holds the rules of one of its chapters."""

ORDER = (
    "packaging",
    "constructor",
    "lifecycle",
    "left_behind",
    "metrics",
    "reader",
    "reader_timeout",
    "writer",
    "async_writer",
    "async_reader",
    "async_reader_close",
    "faults",
    "guarantees",
    "host",
)
"""The order in which the chapters are judged and reported; a module not named here comes last."""

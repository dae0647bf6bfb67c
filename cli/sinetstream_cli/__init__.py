"""The command ``sinetstream-sdk``: start a plugin, look at those installed, judge one.

:mod:`sinetstream_cli.main` is where it begins. Nothing is imported here, and each command imports
what it needs when it runs, so that ``--help`` is quick.
"""

"""A plugin for SINETStream; the roles are in the module ``plugin``."""

TYPE = "{{ cookiecutter.type_name }}"
"""What users write as ``type:``; the entry points in ``pyproject.toml`` have the same name."""

"""Small distributions, written to a folder as an installer leaves them."""

from pathlib import Path

WRITER = """
class Writer:
    def open(self): ...
    def close(self): ...
    def publish(self, message): ...
    def metrics(self): ...
    def reset_metrics(self): ...
"""


class Site:
    """A folder on the import path, in which small distributions are installed."""

    def __init__(self, path: Path):
        self.path = path

    def install(self, name, entry_points="", version="1.0", metadata=None, **modules):
        """Write the modules and the metadata folder, as an installer leaves them."""
        for module, source in modules.items():
            (self.path / f"{module}.py").write_text(source, encoding="utf-8")
        info = self.path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_bytes(text.encode() if metadata is None else metadata)
        content = entry_points if isinstance(entry_points, bytes) else entry_points.encode()
        (info / "entry_points.txt").write_bytes(content)
        return info


def points(name, value, *roles):
    """The text of entry_points.txt that registers ``value`` under ``name`` for some roles."""
    return "\n".join(f"[sinetstream.{role}]\n{name} = {value}\n" for role in roles or ["writer"])

"""The published host, in a process of its own."""

import pickle
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PEER = Path(__file__).with_name("published_peer.py")


class Published:
    """Asks the published host to encode and decode, many messages at a time."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, str(PEER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def encode(self, params: dict[str, Any], items: list[tuple[Any, int]]) -> list[bytes]:
        return [self._result(answer) for answer in self.ask("encode", params, items)]

    def decode(self, params: dict[str, Any], items: list[bytes]) -> list[tuple[Any, int]]:
        return [self._result(answer) for answer in self.ask("decode", params, items)]

    def ask(self, operation: str, params: dict[str, Any], items: list[Any]) -> list[Any]:
        assert self._process.stdin
        assert self._process.stdout
        pickle.dump((operation, params, items), self._process.stdin)
        self._process.stdin.flush()
        answers: list[Any] = pickle.load(self._process.stdout)
        assert len(answers) == len(items)
        return answers

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._process.stdout.close()

    @staticmethod
    def _result(answer: tuple[Any, ...]) -> Any:
        assert answer[0] == "ok", f"the published host failed: {answer[1:]}"
        return answer[1]

"""The socket that the context of :class:`sinetstream_sdk.tls.Tls` makes of a plain one."""

from __future__ import annotations

import ssl

__all__ = ["TlsSocket"]


class TlsSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails, which clients leave to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        """Perform the handshake, as :meth:`ssl.SSLSocket.do_handshake` does."""
        try:
            super().do_handshake(block)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise  # the handshake goes on once the socket is ready
        except BaseException:
            self.close()
            raise

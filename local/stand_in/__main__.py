"""`python -m local.stand_in [lock file] [port] [callback base]`: serve on loopback until SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from local import say
from local.places import Mend, default_places
from local.process import hold
from local.stand_in.apis import stand_in
from local.stand_in.edge import Server
from local.stand_in.pay.keys import kept_in


def main(lock: Path, port: int, callback_base: str) -> None:
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = hold(lock, port)
    server = Server(port, stand_in(kept_in(lock.with_name("stand-in-pay.pem")), callback_base))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    say.line(f"  the stand-in for systems outside: {server.url}")
    server.serve_forever()
    server.server_close()
    held.close()


if __name__ == "__main__":
    places = default_places()
    known = [str(places.stand_in_lock), str(places.stand_in_port), places.front_url]
    lock, port, base = [*sys.argv[1:], *known[len(sys.argv) - 1 :]]
    try:
        main(Path(lock), int(port), base)
    except Mend as trouble:
        say.trouble(str(trouble))
        sys.exit(1)

"""
The process that hashes a password: reads one request as JSON, writes the key in hexadecimal.

It is run by its path, not as a module: importing the package would take longer than the hashing.
"""

from __future__ import annotations

import hashlib
import json
import sys


def main() -> None:
    """Read a request, and write the key."""
    asked = json.load(sys.stdin)
    key = hashlib.pbkdf2_hmac(
        asked["hash"],
        bytes.fromhex(asked["password"]),
        bytes.fromhex(asked["salt"]),
        asked["iterations"],
    )
    sys.stdout.write(key.hex())


if __name__ == "__main__":
    main()

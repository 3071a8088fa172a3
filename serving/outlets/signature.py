"""The signature of a webhook: what the receiver needs to know that a delivery is ours, whole and recent.

`Handrail-Signature: t=1700000000,v1=5257a8…` is the time of sending in seconds since the Unix epoch, and the
HMAC-SHA256 of `t`, a full stop and the body, in hexadecimal. While a secret is being changed there are two `v1`.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

HEADER = "Handrail-Signature"
TOLERANCE = 300  # seconds that a delivery may be old: a recorded one cannot be played back later


class SignatureError(ValueError):
    """A delivery that is not to be trusted: why."""


def sign(body: bytes, secrets: Sequence[bytes], seconds: int) -> str:
    """The header's value for `body`, sent at `seconds` since the Unix epoch."""
    return ",".join([f"t={seconds}", *(f"v1={digest(body, secret, seconds)}" for secret in secrets)])


def digest(body: bytes, secret: bytes, seconds: int) -> str:
    """HMAC-SHA256 of the time and the body, in hexadecimal."""
    return hmac.new(secret, b"%d." % seconds + body, "sha256").hexdigest()


def verify(body: bytes, header: str, secret: bytes | str, now: float, tolerance: int = TOLERANCE) -> None:
    """Raises `SignatureError` unless `header` was made for `body` with `secret` at most `tolerance` s from `now`.

    `secret` is a line of the secret file without its line end, or the variable's value: bytes, or text.
    """
    secret = secret.encode() if isinstance(secret, str) else secret
    parts = [part.partition("=")[::2] for part in header.split(",")]
    times = [value for name, value in parts if name == "t"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdigit():
        raise SignatureError("the header has no time")
    seconds = int(times[0])
    if abs(now - seconds) > tolerance:
        raise SignatureError(f"sent {now - seconds:.0f} s ago, more than {tolerance}")
    expected = digest(body, secret, seconds).encode()
    if not any(name == "v1" and hmac.compare_digest(value.encode(), expected) for name, value in parts):
        raise SignatureError("no signature fits the body and this secret")

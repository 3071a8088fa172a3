"""Counter-based random numbers: a draw is a function of (seed, user, event number, purpose), never of a stream.

Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3") give the idea; the mixing function is the
finaliser of SplitMix64 (Steele, Lea and Flood 2014). Because nothing is consumed, a user's luck does not depend
on batch size, thread count or on which other users exist.
"""

from __future__ import annotations

import hashlib
import re

import numpy as np

from journeys.compiled import compiled
from journeys.normal_quantile import normal_quantile

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)  # odd constant of SplitMix64: 2**64 / golden ratio
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
SHIFT_1, SHIFT_2, SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)
MANTISSA_SHIFT = np.uint64(11)  # 64 - 53 bits of a double's mantissa
ULP = 2.0**-53

# Purposes: one number per use of luck, unique across the product.
PURPOSE_EVENT_ID = 1
PURPOSE_POLICY = 2
PURPOSE_ARRIVAL = 3
PURPOSE_PERSONA = 4
PURPOSE_KNOWN = 6  # to 69, one per skill
PURPOSE_LEAVE = 70
PURPOSE_EVENT = 71
PURPOSE_SUCCESS = 72
PURPOSE_RESPONSE = 73
PURPOSE_RETURNS = 74
PURPOSE_MESSAGE = 75
PURPOSE_DURATION = 76
PURPOSE_GAP = 78
PURPOSE_LEARN = 80  # to 143, one per skill
PURPOSE_TRAIT = 144  # to 207, one per trait
PURPOSE_CONSENT = 208  # to 210, one per kind of consent
PURPOSE_SESSION = 212
PURPOSE_DECISION_ID = 214
PURPOSE_GOAL = 215
PURPOSE_DECLARES = 216
PURPOSE_EXPERIENCE = 217
PURPOSE_DEVICE = 218
PURPOSE_EXPLORE = 219
PURPOSE_EXPLORED = 220
PURPOSE_QUEUE = 221
PURPOSE_THINNING = 222  # of candidate arrivals
PURPOSE_PEERS = 240  # who sees whose progress in a cohort

KEY_IN_HEX = re.compile(r"[0-9a-f]{16}")
# The functions below cast keys to unsigned words: a plain `int` from Python would otherwise be added as a float.


@compiled
def mix(x: np.uint64) -> np.uint64:
    """Finaliser of SplitMix64: a bijection of 64-bit words in which every input bit moves every output bit."""
    x = (x ^ (x >> SHIFT_1)) * MIX_1
    x = (x ^ (x >> SHIFT_2)) * MIX_2
    return x ^ (x >> SHIFT_3)


@compiled
def user_key(seed: int, user: int) -> np.uint64:
    """Key of everything that user number `user` ever draws under `seed`."""
    return mix(mix(np.uint64(seed) + GOLDEN_GAMMA) + np.uint64(user) * GOLDEN_GAMMA)


@compiled
def nth_key(key: np.uint64, n: int) -> np.uint64:
    """Key of a user's event number `n`, from the user's key."""
    return mix(np.uint64(key) + np.uint64(n + 1) * GOLDEN_GAMMA)


@compiled
def uniform(key: np.uint64, purpose: int) -> float:
    """A number in the open interval (0, 1), the same for the same key and purpose."""
    bits = mix(np.uint64(key) + np.uint64(purpose) * GOLDEN_GAMMA) >> MANTISSA_SHIFT
    return (np.float64(bits) + 0.5) * ULP


@compiled
def normal(key: np.uint64, purpose: int) -> float:
    """A standard normal number, by inversion: it grows with the uniform of the same key and purpose."""
    return normal_quantile(uniform(key, purpose))


@compiled
def id_key(key: np.uint64) -> np.uint64:
    """The public key of a simulated event: it names the event without giving its luck away."""
    return mix(np.uint64(key) + np.uint64(PURPOSE_EVENT_ID) * GOLDEN_GAMMA)


@compiled
def decision_key(key: np.uint64) -> np.uint64:
    """Key of the decision that answers the event with this key: a redelivered event gets the same decision."""
    return mix(np.uint64(key) + np.uint64(PURPOSE_DECISION_ID) * GOLDEN_GAMMA)


def key_of_id(event_id: str, journey: str = "", user: str = "") -> int:
    """64-bit key of an event id: 16 hex digits are read as the key itself, anything else is hashed (BLAKE2b).

    Together with whose it is: an id is unique within a user, and two users' events `1` are to have luck of their own.
    """
    if KEY_IN_HEX.fullmatch(event_id):
        return int(event_id, 16)
    whole = f"{journey}\0{user}\0{event_id}".encode() if user else event_id.encode()
    return int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest(), "big")


def id_of_key(key: int) -> str:
    """The event id that `key_of_id` reads back as `key`."""
    return f"{key:016x}"

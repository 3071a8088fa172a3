"""The one way Handrail compiles a function: Numba, no fast-math, cached on disk.

Fast-math stays off because training and serving must agree to the last bit: without it LLVM keeps
IEEE semantics, so a function gives the same result wherever it is inlined.

Numba's own cache notices a change in a function's file but not in the files of the functions it calls.
The cache folder is therefore named after a hash of every source that holds compiled code.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numba

ROOT = Path(__file__).resolve().parent.parent
COMPILED_FOLDERS = (
    *("journeys", "personas", "agents", "simulator", "envs"),
    *("policies", "policies/bandits", "policies/training/exact", "policies/training/paths"),
)

# No reference counting (`_nrt`): compiled code allocates nothing, and counting took two thirds of its time.
# Division by zero is IEEE's, not an exception (`error_model`): every divisor here is positive by construction.
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}

Function = TypeVar("Function", bound=Callable[..., Any])


@lru_cache(maxsize=1)
def cache_folder() -> str:
    """Folder of the compiled code of exactly these sources, below `NUMBA_CACHE_DIR` or the user's cache."""
    digest = hashlib.sha256()
    for folder in COMPILED_FOLDERS:
        for source in sorted((ROOT / folder).glob("*.py")):
            digest.update(source.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    base = os.environ.get("NUMBA_CACHE_DIR") or os.path.join(home, "handrail")
    return os.path.join(base, digest.hexdigest()[:16])


def compiled(function: Function) -> Function:
    """Compile `function` with Numba into each of its callers; `NUMBA_DISABLE_JIT=1` runs it as plain Python instead."""
    return compile_with({**OPTIONS, "forceinline": True}, function)


def compiled_apart(function: Function) -> Function:
    """The same for what happens seldom: one copy that callers call, so that they stay small and compile quickly."""
    return compile_with(OPTIONS, function)


def compile_with(options: dict[str, Any], function: Function) -> Function:
    """Compile with a cache where there is somewhere to write one."""
    theirs = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = cache_folder()
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # nowhere to write a cache: compile in memory
        return numba.njit(**options)(function)
    finally:
        numba.config.CACHE_DIR = theirs


def entry_point(function: Any, *samples: Any) -> Callable[..., Any]:
    """The machine code of a compiled `function` for arguments of the types of `samples`, called without dispatch.

    Finding the types of structured arrays costs Numba some 30 microseconds a call: nothing for a batch of thousands,
    more than all else for one event. The caller vouches that later arguments have the same types and layouts.
    """
    if not hasattr(function, "overloads"):  # NUMBA_DISABLE_JIT
        return function
    signature = tuple(numba.typeof(sample) for sample in samples)
    function.compile(signature)
    return function.overloads[signature].entry_point

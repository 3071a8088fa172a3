"""Checks of settings that stand in several places: each names the setting and the mend.

`group` is what the setting is called by on the command line, as in `training.num_envs`.
"""

from __future__ import annotations

from typing import Any


def check_above_zero(settings: Any, group: str, *names: str) -> None:
    """Raises `ValueError` where one of the settings is 0 or below."""
    for name in names:
        if getattr(settings, name) <= 0:
            raise ValueError(f"{group}.{name}={getattr(settings, name)} is not above 0. Mend: raise it")


def check_not_below_zero(settings: Any, group: str, *names: str) -> None:
    """Raises `ValueError` where one of the settings is below 0."""
    for name in names:
        if getattr(settings, name) < 0:
            raise ValueError(f"{group}.{name}={getattr(settings, name)} is below 0. Mend: raise it")


def check_shares(settings: Any, group: str, *names: str) -> None:
    """Raises `ValueError` where one of the settings is not from 0 to 1."""
    for name in names:
        if not 0.0 <= getattr(settings, name) <= 1.0:
            raise ValueError(f"{group}.{name}={getattr(settings, name)} is not a share. Mend: choose from 0 to 1")

"""Reading columns of a Parquet table of real records, with errors that say what to mend."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from experiments.tutorial.data import DataError

Content = Literal["number", "truth", "text"]
CHECKS: dict[Content, Any] = {
    "number": pd.api.types.is_numeric_dtype,
    "truth": pd.api.types.is_bool_dtype,
    "text": lambda dtype: not pd.api.types.is_numeric_dtype(dtype),
}


def read_columns(path: str | Path, columns: Mapping[str, Content]) -> Any:
    """A data frame of `columns` of the Parquet file `path`. Raises `DataError`: file, column, mend."""
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file. Mend: give the folder of the data sets, as its SOURCE.md describes it")
    try:
        frame = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: not a Parquet file ({error}). Mend: use the original file") from None
    for column, content in columns.items():
        if column not in frame.columns:
            raise DataError(f"{path}: column {column!r} is missing. Mend: use the original table, all columns included")
        if not CHECKS[content](frame[column].dtype):
            raise DataError(
                f"{path}: column {column!r} holds {frame[column].dtype}, not {content}. Mend: use the original table"
            )
        if frame[column].isna().any():
            row = int(frame[column].isna().to_numpy().argmax())
            raise DataError(f"{path}, row {row}: column {column!r} is empty. Mend: fill it in or remove the row")
    if frame.empty:
        raise DataError(f"{path}: there is no row. Mend: use the original table")
    return frame[list(columns)]

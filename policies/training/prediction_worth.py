"""What predictions are worth: beside who knows nothing of a user but how frequent each answer is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Worth:
    """A head on decision moments of users that it was not fitted on, and beside it the base rate.

    `accuracy` is the share of moments whose likeliest answer is the true one, `log_loss` the mean of -ln P(true
    answer), nats. The base rate gives every moment the shares of the fitted moments. All four are NaN, and null in
    JSON, where there is no moment.
    """

    users: int
    moments: int
    accuracy: float
    base_accuracy: float
    log_loss: float
    base_log_loss: float


def worth_of(chances: np.ndarray, answers: np.ndarray, users: np.ndarray, held: np.ndarray) -> Worth:
    """Worth of `chances` `(h, C)`, predicted for the `h` moments that are `held` `(m,)` out of all `m`.

    `answers` `(m,)` are the true ones, 0 to C - 1, and `users` `(m,)` whose moments they are.
    """
    truth, n_answers = answers[held], chances.shape[1]
    if not len(truth):
        return Worth(0, 0, *[float("nan")] * 4)
    met = np.bincount(answers[~held], minlength=n_answers) + 1.0  # each once more, as in fitting
    shares = met / met.sum()
    hit = np.maximum(chances[np.arange(len(truth)), truth], np.finfo(np.float64).tiny)
    return Worth(
        users=len(np.unique(users[held])),
        moments=len(truth),
        accuracy=float((chances.argmax(axis=1) == truth).mean()),
        base_accuracy=float((shares.argmax() == truth).mean()),
        log_loss=float(-np.log(hit).mean()),
        base_log_loss=float(-np.log(shares[truth]).mean()),
    )

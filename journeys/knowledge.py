"""Bayesian knowledge tracing for steps that exercise one skill or several.

With one skill this is Corbett and Anderson 1995. With several, an attempt succeeds as in the DINA model (Junker
and Sijtsma 2001): "known" means that *all* exercised skills are known. The posterior of each skill is then the
exact marginal under independent beliefs; the dependence that one attempt creates between skills is dropped.

The same functions run the fold's belief and the synthetic users' true learning; only the parameters differ.
"""

from __future__ import annotations

from journeys.compiled import compiled

# Odds multipliers by difficulty (easy, standard, hard). An easy variant shows more of the answer (guessing up,
# slipping down) and teaches less; a hard one the reverse: "desirable difficulty", Bjork 1994. Sizes are our choice.
GUESS_ODDS_OF_DIFFICULTY = (2.0, 1.0, 0.5)
SLIP_ODDS_OF_DIFFICULTY = (0.6, 1.0, 1.6)
LEARN_OF_DIFFICULTY = (0.75, 1.0, 1.25)
TIME_OF_DIFFICULTY = (0.8, 1.0, 1.35)

# By rung of help taken (none, hint, guidance, full, human). Help lifts success most at the top of the ladder, but
# being told the answer teaches least (bottom-out hints: Aleven et al. 2006). Sizes are our choice.
GUESS_ODDS_OF_RUNG = (1.0, 2.0, 4.5, 24.0, 32.0)
LEARN_OF_RUNG = (1.0, 1.25, 1.4, 0.7, 1.2)

# Watching teaches less than doing: Koedinger et al. 2015 ("Learning is not a spectator sport") found doing to have
# about six times the effect on learning. A video is also the shorter; half of a practice is our choice.
LEARN_OF_WATCHING = 0.5

# Odds of knowing a skill at sign-up by declared experience (none, some, much), relative to who says nothing. Our
# choice, near the ratios among simulated users who declare it (tests/statistical).
PRIOR_ODDS_OF_EXPERIENCE = (0.5, 1.0, 2.5)

# Of a step done before, relative to its first time: recalling is quick, and relearning saves time (Ebbinghaus 1885).
REVIEW_TIME = 0.2


@compiled
def scale_odds(probability: float, factor: float) -> float:
    """The probability whose odds are `factor` times the odds of `probability`; stays inside (0, 1)."""
    return probability * factor / (1.0 - probability + probability * factor)


@compiled
def success_probability(all_known: float, slip: float, guess: float) -> float:
    """P(success) where the exercised skills are all known with probability `all_known` (DINA)."""
    return all_known * (1.0 - slip) + (1.0 - all_known) * guess


@compiled
def posterior(belief: float, all_known: float, slip: float, guess: float, success: bool) -> float:
    """P(this skill is known | outcome), exact where beliefs are independent; `all_known` includes this skill."""
    if_known = 1.0 - slip if success else slip
    if_not = guess if success else 1.0 - guess
    evidence = all_known * if_known + (1.0 - all_known) * if_not
    return (all_known * if_known + (belief - all_known) * if_not) / evidence


@compiled
def after_practice(belief: float, learn: float) -> float:
    """P(known) after one practice from which an unknown skill comes to be known with probability `learn`."""
    return belief + (1.0 - belief) * learn

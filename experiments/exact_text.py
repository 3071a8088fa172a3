"""What docs/exact.md says around its figures."""

HEAD = """# Journeys that are solved exactly

*Written by `python -m experiments.exact_page`; measured, so it changes with the simulated users.*

How good is a policy? Better than the baselines says little where all might be far from the best there is. On two small
journeys the best is computed: `tiny`, and `ladder`, seven steps over five skills in which each step rests on those
below. Whatever learns can be held against it.

## What is exact

The synthetic user is the same as everywhere, and so is the kernel that plays it. Only who the users are, and what a
policy may do, is chosen so that the hidden state is finite (`policies/training/exact/`):

- **Calm people** (`kinds.py`). Binary mastery; endless patience, so that frustration stays 0 and neither giving up nor
  motivation matters; endless sessions and attention; no exploring, no peers, no phone, no messages. Who is called away
  comes back within two hours (73%) or never; who leaves for no visible reason does not come back either.
- **Finite rules** (`problem.py`). No cool-down, no human on the ladder, five offers of unasked help over the journey:
  how often help was offered tells both what the mask allows and how far the user has got used to it.

At a boundary the state is (kind, unasked offers so far, steps done, skills known). Inside a step there are besides: the
step, its difficulty, the rung shown and the rung taken; whether the user has just asked and whether the last offer
interrupted; of a video, the quarters watched. There is nothing else that anything to come depends on.

`moments.py` takes expectations where the user draws luck, from the same functions and constants (`agents/`): every
hazard, slip, guess and practice, and the mean of every duration. `solver.py` then needs one pass backwards: what was
done, learned, offered and shown only grows, and the few states that lead back to each other are iterated to the fixed
point (10⁻¹³). Undiscounted, default reward weights, as everywhere. Left out are the rounding of durations to whole
milliseconds and the limit of 400 decisions, of which a user needs 20 to 40.

Tests hold the model against the kernel on 20,000 users: the oracle's and the random policy's returns are what their
values say, on average and for each kind, within three standard errors. One step is also worked out by hand; the values
fulfil Bellman's equation; whatever may happen next has probability 1; the belief is calibrated at every decision.

## Who plays

| policy | knows | plans |
| --- | --- | --- |
| `oracle` | kind and skills | exactly: nobody does better on average |
| `lookahead` | the population and all events: the exact belief over both | as QMDP, less the next decision's regret |
| `qmdp` | the same | as if all were known from the next decision on |
| `qmdp_fold` | the fold's belief in each skill; of kinds how common they are | the same |
| `greedy_full` | the skills | as `greedy`: the next decision's worth |

All others see what production sees. `greedy_full` shows what knowing the skills would bring to greedy, `qmdp_fold` what
planning brings without a model of who there is, `qmdp` what such a model adds. The rest up to the oracle is the price
of not knowing, and nobody can say how much of it a better plan for finding out would save. The regret of `lookahead` is
of exact posteriors, one for whatever may happen next. A learned policy sees what production sees, and has to find out
by itself what `qmdp` and `lookahead` are told of the population: [how close it comes](experiments/learning.md).
On larger journeys, where none of this can be computed, there is [an upper bound](#larger-journeys).

The kinds, by the traits in which they differ ([personas](personas.md)). Who knows the kind decides otherwise: the
steady profit from every further attempt at a hard step, the fleeting are gone unless they are through soon; the lost
need help and are glad of it, the proud learn by themselves and resent it, and until it is offered they look alike.

{kinds}
## How close everybody comes

{users:,} held-out users, evaluation seed {seed}: the same people with the same luck under every policy. ± is half of a
95% interval, of the paired differences in the third column. *Of the gap*: the difference to `greedy` as a share of the
oracle's. `python -m experiments.exact_page --policy tiny=RUN_FOLDER` lets a trained scorer play along, and
`experiments.exact_page.exact_table` any `Policy`.
"""

BOUNDS = """## Larger journeys

Nobody knows the optimum of the larger journeys. `policies/training/exact/bound.py` gives, for any journey, population
and learner model, a number that no policy exceeds in expectation: for every user, the value of a problem in which
all skills are at hand, help is free and nobody tires or despairs, so that only those hazards are left that no policy
can take away. The file says why that bounds. It promises little: on `tiny` it is {tiny:.2f} and on `ladder`
{ladder:.2f}, far above the optimum, because there as here people lack skills. Population `{population}`.

{bounds}"""

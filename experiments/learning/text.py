"""What docs/experiments/learning.md says between its tables."""

HEAD = """# What learning is worth

*Tables written by `python -m experiments.learning.page` from trials of `python -m experiments.learning`; measured, so
they change with the simulated users.*

A policy that merely beats a fixed path proves nothing: `greedy` on the knowledge belief does that without learning.
Here learned policies stand beside planners that know more than any product could, on learner models and people they
were not trained on.

    python -m experiments.learning                      # every study, five seeds; two to three hours of one core
    python -m experiments.learning mixture-saas unseen  # some studies; what is there already is not done again
    python -m experiments.learning.page                 # this page

Everybody here is synthetic. Every seed trains anew and is judged on 10,000 users of its own, whom no training met;
policy and reference meet the same users with the same luck. Figures are means over seeds of paired differences of
return (2 is one onboarding completed), brackets 95% intervals by Student's t over the seeds, so they hold for the
next training as well as for the next users. **Bold**: the interval is clear of zero. Some hundred intervals stand on
this page; of twenty that hold 0 in truth, one is expected to miss it.
"""

EXACT = """## Where the optimum is known

On `tiny` and `ladder` with calm people, under rules that keep the problem finite, the best policy is computed
([exact](../exact.md)). `oracle` sees kind and skills of every user. `lookahead` and `qmdp` know the population by
heart and keep the exact belief over who the user is; `qmdp_fold` plans with the same optimal values on what
production knows: the fold's belief, and of kinds only how common they are. `learned` sees the fold's observation and
nothing else, and leaves as a bundle of 64 x 64 units: `python -m experiments.learning exact-tiny exact-ladder`. For
the first quarter of its training it imitates `qmdp` as well as one can who sees less; what it reaches after that is
its own. `greedy`, whom all other studies imitate, is a poor teacher of these people.
"""

MIXTURES = """## On learner models and people not trained on

Trained on `bkt`, `irt` and `afm_forgetting` side by side, with the population `everyone`; judged on the three other
learner models, and on other mixes of people: `python -m experiments.learning mixture-saas mixture-creator
mixture-course`. Of the other baselines, `zpdes` and `random` lie far below `greedy` everywhere
([baselines](../baselines.md)).
"""

UNSEEN = """## On journeys it has never seen

One policy, trained on 64 journeys that nobody wrote (`policies/training/random_journeys.py`), none of which is one
that ships: `python -m experiments.learning unseen`. The last column is the share of the specialised policy's
advantage over the rules that it keeps, both judged on a learner model that neither was trained on.
"""

TARGETS = """## The targets, by persona

Of the policies of the mixture, on `afm` users, a learner model that no training met: from the fixed path's level to
the learned policy's. Completion: share of users who complete. Skill per hour: skills gained per active hour. Steps
finished per user stand for engagement with content, the fold's engagement signal (its mean over a user's decision
moments) for engagement with the product. Skills known: share of the journey's skills at the horizon. Retained: not
lost within 30 days. The last column says whether anybody is worse off than under the expert rules. These are outcomes
of simulated people.
"""

ABLATIONS = """## One thing at a time

`saas`, trained on the mixture with a dense actor and 2.5 million steps, a quarter of the default; judged on the same
users seed by seed. The first row is the base against greedy, the others the difference to the base. `python -m
experiments.learning base critic-sees-no-more ...` makes each.
"""

CLOSING = """## What paid, what did not, what was not tried

- **Imitating the planner first** pays most: without it the same steps end below greedy. It is a tenth of the
  training.
- **Shared weights** (the steps actor) learn a single journey no worse than a dense network, at some one and a half
  times the time a step; what they buy is every other journey. The mixtures and the policy for unseen journeys use
  them. The dense actor is quicker, has an ONNX copy, and remains the default of `handrail train`.
- **A critic that sees hidden state**: no gain of the policy is shown. It is kept, because it costs nothing where it
  matters and is thrown away.
- **The auxiliary head** for persona and success shows no gain either and is off by default. What a bundle carries to
  predict both is fitted after training on the same observations, which serves any policy.
- **Memory** beside the fold's (moving averages of the user block) shows no gain: the fold is memory
  enough. Dropped: it could not be served without a state of its own.
- **A second and third learner model** show no clear gain on `saas` at this length, nor do more kinds of people; they
  cost nothing, and kept. Shaping by progress and a teacher that knows the true skills show none either, and are not.
- **Knowing everything** about the user (`knowing-everything` sees the whole hidden state) is worth a few hundredths
  of return here at most, and no gain is shown. On the exact journeys, whose kinds were made to differ in what helps
  them, it is worth half a completion. So on the larger journeys the ceiling seems near: most of what is lost there,
  no choice of step or help can save.
- **What stands between the learned policy and the oracle** where the optimum is known: `qmdp` plans with the very
  model of the people and the exact belief, and comes no further than some 87 to 89% itself. The learned policy, which
  is told neither, stays one or two points below it; the planner that knows only what production knows is left far
  behind. To be above `qmdp` too, a policy would have to find out more, or decide better, than exact inference does.
- **Targets.** Completion and retention rise most where the fixed path does worst, and pass 70% and 50% there. Skill
  per hour does not rise by a quarter: the fixed path loses people early, while gains are quick, and the default
  reward asks for completion first. The engagement signal hardly moves. Four fifths of the skills are reached by
  experts alone. Nobody is shown to be worse off than under the rules, in any persona on any journey.
- Not tried: curricula, and a specialised policy for `tiny`, with which the share kept there could be told.
"""

"""Contextual bandits: policies that go on learning from what was decided and what came of it, without any torch."""

"""What learning is worth: trainings over seeds, on fresh users, beside planners; written up in docs/experiments/learning.md."""

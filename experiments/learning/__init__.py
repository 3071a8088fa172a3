"""What learning is worth: trainings over seeds, judged on fresh users beside planners. docs/experiments/learning.md."""

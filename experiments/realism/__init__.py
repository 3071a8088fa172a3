"""Simulated users beside real ones, without fitting: the same measures of both, and how far apart they are."""

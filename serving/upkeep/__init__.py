"""Commands on a store: exporting the log, auditing states and decisions, and looking after dead letters."""

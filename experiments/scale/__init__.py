"""The same work in one process or on a Ray cluster."""

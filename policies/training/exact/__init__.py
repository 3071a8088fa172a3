"""Decision problems that are small enough to be solved exactly, their optima, and planners that come close to them."""

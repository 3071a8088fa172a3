"""Genetic search for the best path of a cohort: genomes, what is done to them, and lives that judge them."""

"""Every policy on every journey and learner model, over seeds: trained, judged, priced, ranked."""

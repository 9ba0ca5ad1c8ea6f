"""Everything about experiments and the demo: plans, runs, reports, sample documents, verbs, the experiment page."""

"""Results as findings, figures and an HTML report."""

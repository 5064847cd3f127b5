"""A reading as one A4 page."""

"""One file per tab; each lays itself out inside the current gr.Blocks by its function `tab`."""

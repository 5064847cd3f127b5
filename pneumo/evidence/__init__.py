"""What was measured with the weights in use, as the Evidence tab shows it."""

"""Tables, figures and their words, from the results, for README and the model card."""

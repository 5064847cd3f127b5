"""Scripts that make the weights. Each is a command: ``python -m train.NAME --help``."""

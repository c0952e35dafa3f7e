"""Messages: writing them durably, in order and once, and reading them back."""

"""Files of messages, as pages show them."""

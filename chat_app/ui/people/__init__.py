"""Finding people and starting to talk to them."""

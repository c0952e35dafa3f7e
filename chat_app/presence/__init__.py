"""Presence: online, last seen and typing, published to the users who may see them."""

"""Small components without state: what every screen is made of."""

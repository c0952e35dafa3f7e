"""Friends: friendships, requests and blocks, user cards, the search for people."""

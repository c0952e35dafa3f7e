"""Friends, requests, blocks: what two people are to each other, and what each sees of the other."""

"""The program's door: HTTP under `/api` and the live socket `/ws`. Only it imports Litestar."""

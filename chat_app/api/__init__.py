"""The program's door: HTTP under `/api` and the live socket at `/ws`. Litestar lives here only."""

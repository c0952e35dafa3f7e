"""Friends, requests, suggestions and blocks, and the choices about one person."""

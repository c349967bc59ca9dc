"""HTTP: middleware, errors on their way out, pages and their parts, pagination, OpenAPI. Knows no feature."""

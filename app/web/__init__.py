"""HTTP: middleware, error responses, pages and their fragments, pagination, OpenAPI. Knows no feature."""

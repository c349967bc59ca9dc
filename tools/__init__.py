"""Tools of the repository, beside the product."""

"""Long stories on real input, through the whole product."""

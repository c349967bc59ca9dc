"""What is probably not meant in a flow document though it can run: warnings, with a fix where one can be said. Pure."""

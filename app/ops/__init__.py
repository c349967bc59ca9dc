"""For the operator: the start of an installation, health of a container, commands on its database, backup,
secret keys, an audit."""

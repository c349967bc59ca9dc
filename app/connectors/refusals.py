"""What cannot be done with a connector."""

from __future__ import annotations

from app.errors import Conflict


class ConnectorNameTaken(Conflict):
    """Another connector has this name. Choose a different one."""

    code = "name_taken"


class ConnectorInUse(Conflict):
    """Workflows send through this connector. Choose another one there first."""

    code = "connector_in_use"


class IsDefault(Conflict):
    """This is the default connector. Make another one the default first."""

    code = "is_default"


class NoDefault(Conflict):
    """Connectors to services have no default: each step names the one that it calls by."""

    code = "no_default"


class ConnectorNotInstalled(Conflict):
    """Connectors of this type are not installed here any more, so only its name can be changed. Ask whoever runs the server."""

    code = "type_not_installed"

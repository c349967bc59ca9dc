"""A program starts runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.flow import trigger_registry
from app.flow.trigger_type import ContactRule, TriggerPreview
from app.lib.translation import gettext, translatable
from app.triggers.types.manual import ManualConfig, ManualTrigger


class ApiConfig(ManualConfig, frozen=True):
    """Runs start when a program asks for them; conditions are checked then too.

    `contact`: whether a run is about a contact. With `optional` and `none` a run may have an input alone.
    """


@trigger_registry.trigger
class ApiTrigger(ManualTrigger):
    type, label = "api", translatable("Started by the API")
    description = translatable("Starts when a program asks for it over the API.")
    for_programs = True
    Config = ApiConfig

    @classmethod
    def title(cls, config: ManualConfig) -> str:
        return gettext("Started by the API")

    @classmethod
    def summary(cls, config: ManualConfig) -> str:
        return gettext("Started by the API")

    @classmethod
    def explain(cls, config: ManualConfig, event: Mapping[str, Any]) -> str:
        return gettext("Started by the API.")

    @classmethod
    def preview(cls, config: ManualConfig) -> TriggerPreview:
        how = (
            gettext("over the API, with an input and no contact. Activating starts none.")
            if config.contact is ContactRule.NONE
            else gettext("over the API, one contact at a time, or many. Activating starts none.")
        )
        return TriggerPreview(gettext("Programs start runs"), how)

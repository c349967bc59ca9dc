"""The words of statuses, roles and kinds as pages show them: `formats.words` looks them up by name, so they are marked here."""

from __future__ import annotations

from app.lib.translation import translatable

STATUS_WORDS = (
    translatable("Active"), translatable("Admin"), translatable("Archived"), translatable("Bounced"), translatable("Broken"),
    translatable("Building"), translatable("Bulk"), translatable("Cancelled"), translatable("Clicked"), translatable("Complained"),
    translatable("Completed"), translatable("Delivered"), translatable("Done"), translatable("Draft"), translatable("Dynamic"),
    translatable("Exited"), translatable("Failed"), translatable("Goal reached"), translatable("Held"), translatable("Marketer"),
    translatable("Normal"), translatable("Opened"), translatable("Owner"), translatable("Paused"), translatable("Pending"),
    translatable("Queued"), translatable("Ready"), translatable("Replied"), translatable("Retrying"), translatable("Running"),
    translatable("Sending"), translatable("Sent"), translatable("Skipped"), translatable("Static"), translatable("Stopped"),
    translatable("Suppressed"), translatable("Uncertain"), translatable("Unsubscribed"), translatable("Uploaded"),
    translatable("Urgent"), translatable("Viewer"), translatable("Waiting"),
)  # fmt: skip

"""Push notifications to the devices of contacts: by Firebase Cloud Messaging to apps, by Web Push to browsers."""

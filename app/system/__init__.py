"""The product about itself: health for orchestrators, metrics for Prometheus, and in `secret_keys` whether all processes have the same
secret key."""

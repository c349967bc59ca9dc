"""The product about itself: health for orchestrators, metrics for Prometheus."""

"""What several tests use: method builders, gradient checks, processes of workers."""

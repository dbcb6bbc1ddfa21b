"""One script per claim, each with its peers in the same run; results in ``docs/performance.md``."""

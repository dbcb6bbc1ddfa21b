"""What ``make check`` looks at, one module for each thing; ``common/check.py`` runs them all."""

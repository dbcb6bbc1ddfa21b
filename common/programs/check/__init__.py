"""What ``make check`` looks at, one module for each thing; ``common/programs/check/command.py`` runs them all."""

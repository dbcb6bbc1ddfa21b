"""The tests. `make test` runs them all; `make chaos` runs a longer proof.

unit/         one module each, without a network
integration/  real Redis servers, playgrounds, models and processes
hostile/      hostile files, links and name servers
e2e/          the whole bot, under its own Supervisor
chaos/        the whole bot while its processes are killed
support/      what several of them share
conftest.py   fixtures: Redis servers, settings, channels
"""

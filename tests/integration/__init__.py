"""Tests of one worker, program or room with the real things beside it: Redis, Supervisor, a playground, a model."""

"""Tests of single modules, in folders named as the rooms of `common/`. They reach no network."""

"""Tests of images, keys and metadata pages."""

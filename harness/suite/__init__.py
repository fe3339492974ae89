"""What test suites are written with: a case that is run and cut, and what came of it. The Robot library and the pytest plugin build on it."""

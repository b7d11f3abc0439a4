"""Long runs: a taste of them in the suite, all of them by ``make soak``."""

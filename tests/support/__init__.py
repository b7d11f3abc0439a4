"""What tests stand on: fakes, servers, programs, networks."""

"""What several tests need: fakes, servers, guards. One file a job."""

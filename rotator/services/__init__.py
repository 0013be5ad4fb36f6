"""What commands, dashboard and watcher do, once each."""

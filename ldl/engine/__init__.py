"""From a config to a record: profiles, the store, jobs, worker processes, provenance."""

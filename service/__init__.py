"""The composition root: command line, processes, storage, HTTP and pages."""

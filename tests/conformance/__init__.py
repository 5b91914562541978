"""The API against its own schema: schemathesis asks a real server with a throw-away library, as each role."""

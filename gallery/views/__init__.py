"""Pages: fill a form, call a service, render."""

"""Verbs that span two or more of database, files, vectors and queue; each is told who acts."""

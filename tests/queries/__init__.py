"""Generated queries in the language of the search box: every door answers them alike, and as a plain reference does."""

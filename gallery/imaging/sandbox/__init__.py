"""Files are decoded in processes of their own: `pool` keeps them, `child` is one as the site sees it, `child_main` is
what it runs, `child_pipes` is what else runs so, `messages` is what goes through the pipes.
"""

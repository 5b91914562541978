"""Files are decoded in processes of their own: `pool` keeps them, `child` is one as the site sees it, `child_main` is
what it runs, `messages` is what goes through the pipes.
"""

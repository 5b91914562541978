"""What a file says about its picture: when it was taken, and in which words. Never where: places stay private.

`reading` goes through an opened picture; dates, texts, IPTC and XMP each have a file. All of it runs in the decoder
processes: what is read here may be hostile, so every size, depth and count is bounded.
"""
